package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Kernels;

/// Opens the SIMD backend with vectors of a given width, whatever the machine has, for tests of
/// every tail.
public final class ForcedWidths {
  private ForcedWidths() {}

  public static Kernels open(int lanes, int threads) {
    return new VectorKernels(VectorShape.ofLanes(lanes).orElseThrow(), threads);
  }
}
