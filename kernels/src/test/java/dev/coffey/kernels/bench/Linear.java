package dev.coffey.kernels.bench;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/// One product with its memory; a call computes it and returns its floating-point operations.
final class Linear implements LongSupplier, AutoCloseable {
  private final Kernels kernels;
  private final TensorArena arena;
  private final Tensor x;
  private final PackedWeights weights;
  private final Tensor bias;
  private final Tensor y;

  Linear(Kernels kernels, int m, int k, int n) {
    this.kernels = kernels;
    this.arena = kernels.arena();
    SplittableRandom random = new SplittableRandom(1);
    this.x = arena.tensor(random(random, m, k));
    this.weights = arena.pack(random(random, n, k));
    this.bias = arena.tensor(random(random, 1, n));
    this.y = arena.tensor(m, n);
  }

  private static HostTensor random(SplittableRandom random, int rows, int columns) {
    float[] numbers = new float[rows * columns];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) random.nextDouble(-1, 1);
    }
    return HostTensor.of(numbers, rows, columns);
  }

  @Override
  public long getAsLong() {
    kernels.linear(x, weights, bias, Activation.NONE, y);
    return 2L * x.rows() * x.columns() * y.columns();
  }

  @Override
  public void close() {
    arena.close();
  }
}
