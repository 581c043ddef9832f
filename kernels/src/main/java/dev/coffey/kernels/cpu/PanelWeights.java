package dev.coffey.kernels.cpu;

import dev.coffey.kernels.PackedWeights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Weights in the panels of a [PanelMultiplication]. Each part begins with a new panel, its last
/// one filled up with zeros, so that a slice of parts is a range of the same memory and computes
/// the same bits.
///
/// `partOutputs` are the output rows of each part, `partOffsets` the bytes at which each part's
/// panels begin in `data`.
final class PanelWeights implements PackedWeights {
  private final MemorySegment data;
  private final int inputs;
  private final int outputs;
  private final int[] partOutputs;
  private final long[] partOffsets;

  PanelWeights(MemorySegment data, int inputs, int[] partOutputs, long[] partOffsets) {
    this.data = data;
    this.inputs = inputs;
    this.outputs = Arrays.stream(partOutputs).sum();
    this.partOutputs = partOutputs;
    this.partOffsets = partOffsets;
  }

  MemorySegment data() {
    return data;
  }

  int partOutputs(int part) {
    return partOutputs[part];
  }

  long partOffset(int part) {
    return partOffsets[part];
  }

  @Override
  public int outputs() {
    return outputs;
  }

  @Override
  public int inputs() {
    return inputs;
  }

  @Override
  public int parts() {
    return partOutputs.length;
  }

  @Override
  public PackedWeights parts(int from, int to) {
    if (from < 0 || from > to || to > parts()) {
      throw new IndexOutOfBoundsException(
          "weights of " + parts() + " parts: parts [" + from + ", " + to + ")");
    }
    return new PanelWeights(
        data,
        inputs,
        Arrays.copyOfRange(partOutputs, from, to),
        Arrays.copyOfRange(partOffsets, from, to));
  }
}
