package dev.coffey.kernels;

import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/// One call of an operation: makes inputs of a kind from a seed, the same on every backend, and an
/// output between guard zones. Inputs are views with a stride wider than their columns, so that a
/// kernel that takes a row for dense fails.
final class Bench implements AutoCloseable {
  /// What fills the inputs.
  enum Values {
    SIGNED,
    ZEROS,
    TIES,
    LARGE,
    SPECIAL
  }

  /// No input or result has this value.
  static final float GUARD = 7.7770e27f;

  private static final int GUARD_ROWS = 1;
  private static final int GUARD_COLUMNS = 17;

  private final Kernels kernels;
  private final TensorArena arena;
  private final Values values;
  private final SplittableRandom random;
  private @Nullable Tensor whole;

  Bench(Kernels kernels, Values values, long seed) {
    this.kernels = kernels;
    this.arena = kernels.arena();
    this.values = values;
    this.random = new SplittableRandom(seed);
  }

  Kernels kernels() {
    return kernels;
  }

  /// (rows, columns) random numbers of this bench's kind, on the host.
  float[] numbers(int rows, int columns) {
    return numbers(rows, columns, values);
  }

  /// Numbers of a kind that learned parameters have: no infinities among them.
  float[] parameters(int rows, int columns) {
    return numbers(rows, columns, values == Values.SPECIAL ? Values.SIGNED : values);
  }

  private float[] numbers(int rows, int columns, Values kind) {
    float[] numbers = new float[rows * columns];
    for (int i = 0; i < numbers.length; i++) {
      float unit = (float) random.nextDouble(-1, 1);
      numbers[i] =
          switch (kind) {
            case ZEROS -> 0;
            case SIGNED, SPECIAL -> unit;
            case TIES -> Math.signum(unit) * 0.5f;
            case LARGE -> unit * 1e4f;
          };
    }
    if (kind == Values.SPECIAL && numbers.length > 0) {
      float[] specials = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY};
      // In one row only, so that a leak into other rows shows.
      int row = random.nextInt(rows);
      numbers[row * columns + random.nextInt(columns)] = specials[random.nextInt(3)];
    }
    return numbers;
  }

  /// An input on the device: a view into a wider matrix whose other numbers are NaN.
  Tensor tensor(float[] numbers, int rows, int columns) {
    return guarded(numbers, rows, columns, Float.NaN);
  }

  /// A (1, columns) parameter.
  Tensor vector(float[] numbers) {
    return arena.tensor(HostTensor.of(numbers, 1, numbers.length));
  }

  Indices indices(int... numbers) {
    Indices indices = arena.indices(numbers.length);
    kernels.upload(numbers, numbers.length, indices);
    return indices;
  }

  PackedWeights pack(HostTensor... parts) {
    return arena.pack(parts);
  }

  /// An output whose every number, and all around, is [#GUARD].
  Tensor output(int rows, int columns) {
    float[] guards = new float[rows * columns];
    Arrays.fill(guards, GUARD);
    return guarded(guards, rows, columns, GUARD);
  }

  /// An output that begins as a copy of `numbers`, for calls that work in place.
  Tensor inPlace(float[] numbers, int rows, int columns) {
    return guarded(numbers, rows, columns, GUARD);
  }

  private Tensor guarded(float[] numbers, int rows, int columns, float guard) {
    int width = columns + 2 * GUARD_COLUMNS;
    float[] all = new float[(rows + 2 * GUARD_ROWS) * width];
    Arrays.fill(all, guard);
    for (int n = 0; n < rows; n++) {
      System.arraycopy(
          numbers, n * columns, all, (n + GUARD_ROWS) * width + GUARD_COLUMNS, columns);
    }
    Tensor made = arena.tensor(HostTensor.of(all, rows + 2 * GUARD_ROWS, width));
    whole = made;
    return made.rows(GUARD_ROWS, rows).columns(GUARD_COLUMNS, columns);
  }

  /// The numbers of `y`, which must be the tensor made last, after checking that nothing around it
  /// was written.
  float[] read(Tensor y) {
    Tensor whole = Objects.requireNonNull(this.whole, "no tensor was made");
    float[] all = new float[whole.rows() * whole.columns()];
    kernels.download(whole, all);
    float[] inside = new float[y.rows() * y.columns()];
    for (int n = 0; n < whole.rows(); n++) {
      for (int i = 0; i < whole.columns(); i++) {
        int row = n - GUARD_ROWS;
        int column = i - GUARD_COLUMNS;
        float value = all[n * whole.columns() + i];
        if (row >= 0 && row < y.rows() && column >= 0 && column < y.columns()) {
          inside[row * y.columns() + column] = value;
        } else if (value != GUARD) {
          throw new AssertionError(
              "wrote outside of y: row " + row + ", column " + column + ": " + value);
        }
      }
    }
    return inside;
  }

  @Override
  public void close() {
    arena.close();
  }
}
