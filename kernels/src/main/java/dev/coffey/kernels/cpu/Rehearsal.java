package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.time.Duration;

/// Runs all vector loops on numbers of its own until the JIT has compiled them, while the backend
/// that will use them computes without ([VectorShape#plain()]).
///
/// The compiler is done when they beat the loops over arrays that stand in for them: until the last
/// of them is compiled, it alone takes far longer than all of those together.
final class Rehearsal implements AutoCloseable {
  private static final int WIDTH = 64;
  private static final int DEPTH = 256;
  private static final int[] HEIGHTS = {4, 5, 6, 8};
  private static final int MOST_ROWS = 8;

  /// So many rounds in a row that were faster: a single one may have been lucky.
  private static final int SURE = 5;

  private final VectorKernels kernels;
  private final TensorArena arena;
  private final Tensor wide;
  private final Tensor x;
  private final Tensor y;
  private final Tensor z;
  private final Tensor bias;
  private final PackedWeights weights;
  private final Norm norm;
  private final Indices offsets;

  private Rehearsal(int lanes, boolean plain) {
    VectorShape shape = VectorShape.ofLanes(lanes).orElseThrow();
    shape.setPlain(plain);
    kernels = new VectorKernels(shape, 1);
    arena = kernels.arena();
    wide = arena.tensor(numbers(MOST_ROWS, DEPTH));
    x = arena.tensor(numbers(MOST_ROWS, WIDTH));
    y = arena.tensor(MOST_ROWS, WIDTH);
    z = arena.tensor(1, WIDTH);
    bias = arena.tensor(numbers(1, WIDTH));
    weights = arena.pack(numbers(WIDTH, DEPTH));
    norm = new Norm(Norm.Kind.LAYER, arena.tensor(numbers(1, WIDTH)), bias, 1e-12f);
    offsets = arena.indices(2);
    kernels.upload(new int[] {0, MOST_ROWS}, 2, offsets);
  }

  /// Between −1 and 1, the same in every run.
  private static HostTensor numbers(int rows, int columns) {
    float[] numbers = new float[rows * columns];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = i * 7919 % 2001 / 1000f - 1;
    }
    return HostTensor.of(numbers, rows, columns);
  }

  /// Returns once the vector loops of `lanes` lanes are fast; false if they are not within `limit`,
  /// or the thread was interrupted.
  static boolean untilFast(int lanes, Duration limit) {
    long start = System.nanoTime();
    try (Rehearsal plain = new Rehearsal(lanes, true);
        Rehearsal vectors = new Rehearsal(lanes, false)) {
      long toBeat = Long.MAX_VALUE;
      int faster = 0;
      while (faster < SURE) {
        if (Thread.currentThread().isInterrupted() || System.nanoTime() - start > limit.toNanos()) {
          return false;
        }
        toBeat = Math.min(toBeat, plain.round());
        faster = vectors.round() < toBeat ? faster + 1 : 0;
      }
      return true;
    }
  }

  private long round() {
    long start = System.nanoTime();
    Activation[] activations = Activation.values();
    for (int i = 0; i < HEIGHTS.length; i++) {
      Activation activation = activations[i % activations.length];
      int rows = HEIGHTS[i];
      kernels.linear(wide.rows(0, rows), weights, bias, activation, y.rows(0, rows));
    }
    kernels.linear(wide, weights, bias, Activation.GELU_ERF, y);
    kernels.linearAddNorm(wide, weights, bias, x, norm, y);
    kernels.attention(x, offsets, x, x, offsets, 1, y);
    kernels.softmax(x, y);
    kernels.norm(x, norm, y);
    kernels.l2Normalize(x, y);
    kernels.pool(x, offsets, Pooling.MEAN, z);
    kernels.pool(x, offsets, Pooling.MAX, z);
    return System.nanoTime() - start;
  }

  @Override
  public void close() {
    arena.close();
    kernels.close();
  }
}
