package dev.coffey.kernels.cpu;

import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/// Weights as PyTorch stores them, (out, in) row-major in fp32, parts below each other.
/// `partOutputs` are the output rows of each part.
record ScalarWeights(Tensor matrix, List<Integer> partOutputs) implements PackedWeights {
  static ScalarWeights pack(HostTensor[] parts, CpuArena arena) {
    List<Integer> partOutputs = List.of(parts).stream().map(HostTensor::rows).toList();
    int inputs = parts[0].columns();
    int outputs = partOutputs.stream().reduce(0, Math::addExact);
    Tensor matrix = arena.tensor(outputs, inputs);
    float[] row = new float[inputs];
    long target = 0;
    for (HostTensor part : parts) {
      for (int o = 0; o < part.rows(); o++) {
        HostRows.read(part, o, row);
        MemorySegment.copy(row, 0, matrix.data(), ValueLayout.JAVA_FLOAT, target, inputs);
        target += (long) inputs * Float.BYTES;
      }
    }
    return new ScalarWeights(matrix, partOutputs);
  }

  @Override
  public int outputs() {
    return matrix.rows();
  }

  @Override
  public int inputs() {
    return matrix.columns();
  }

  @Override
  public int parts() {
    return partOutputs.size();
  }

  @Override
  public PackedWeights parts(int from, int to) {
    List<Integer> kept = partOutputs.subList(from, to);
    int before = partOutputs.subList(0, from).stream().mapToInt(Integer::intValue).sum();
    int count = kept.stream().mapToInt(Integer::intValue).sum();
    return new ScalarWeights(matrix.rows(before, count), List.copyOf(kept));
  }
}
