package dev.coffey.kernels.cuda.ptx;

/// Where a warp's `mma.sync` puts its fragments together.
final class MatrixScratch {
  final float[] left = new float[16 * 16];
  final float[] right = new float[16 * 8];
  final float[] sums = new float[16 * 8];
}
