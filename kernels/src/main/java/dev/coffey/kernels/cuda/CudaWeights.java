package dev.coffey.kernels.cuda;

import dev.coffey.kernels.PackedWeights;
import java.util.Arrays;

/// Weights in panels of 128 bytes of inputs, swizzled for the kernels' shared memory, or a run of
/// outputs of such weights.
///
/// @param address of the whole
/// @param packedOutputs of the whole, padding included
/// @param inputs I
/// @param ends where each part of this ends, in outputs of the whole; its first part begins at
///   `firstOutput`
/// @param firstOutput where this begins, in outputs of the whole
@SuppressWarnings("ArrayRecordComponent") // never compared
record CudaWeights(long address, int packedOutputs, int inputs, int firstOutput, int[] ends)
    implements PackedWeights {
  @Override
  public int outputs() {
    return ends.length == 0 ? 0 : ends[ends.length - 1] - firstOutput;
  }

  @Override
  public int parts() {
    return ends.length;
  }

  @Override
  public PackedWeights parts(int from, int to) {
    if (from < 0 || to > ends.length || from >= to) {
      throw new IndexOutOfBoundsException(
          "weights of %d parts: parts [%d, %d)".formatted(ends.length, from, to));
    }
    return new CudaWeights(
        address,
        packedOutputs,
        inputs,
        from == 0 ? firstOutput : ends[from - 1],
        Arrays.copyOfRange(ends, from, to));
  }
}
