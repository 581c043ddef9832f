package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;
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

  /// Of fp16; that of bf16 is that of fp32.
  static final double SMALLEST_NORMAL = 0x1p-14;

  private static final int GUARD_ROWS = 1;

  /// Odd, so that no row of an input is aligned.
  static final int GUARD_COLUMNS = 17;

  /// So that rows begin at multiples of 16 bytes wherever the backend's matrices do.
  static final int ALIGNED_GUARD_COLUMNS = 16;

  private final Kernels kernels;
  private final TensorArena arena;
  private final Values values;
  private final DType precision;
  private final int guardColumns;
  private final SplittableRandom random;
  private @Nullable Tensor whole;

  Bench(Kernels kernels, Values values, long seed) {
    this(kernels, values, seed, DType.F32, GUARD_COLUMNS);
  }

  /// @param precision all inputs are numbers that it holds exactly
  /// @param guardColumns how many columns of guards are on either side of a matrix
  Bench(Kernels kernels, Values values, long seed, DType precision, int guardColumns) {
    this.kernels = kernels;
    this.arena = kernels.arena();
    this.values = values;
    this.precision = precision;
    this.guardColumns = guardColumns;
    this.random = new SplittableRandom(seed);
  }

  Kernels kernels() {
    return kernels;
  }

  /// How far a result's neighbours are apart at most, relative to it: by half of that storing a
  /// result moves it. 0 for fp32, which the tolerances of the operations account for.
  double unit() {
    return unit(precision);
  }

  static double unit(DType precision) {
    return switch (precision) {
      case F32 -> 0;
      case F16 -> 0x1p-10;
      case BF16 -> 0x1p-7;
    };
  }

  /// No input or result has this value.
  private float guard() {
    return precision == DType.F16 ? 60000 : 0x1.92p92f;
  }

  /// So that no sum of products overflows.
  private float large() {
    return precision == DType.F16 ? 8 : 1e4f;
  }

  private float stored(float number) {
    MemorySegment place = MemorySegment.ofArray(new float[1]);
    precision.set(place, 0, number);
    return precision.get(place, 0);
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
      float number =
          switch (kind) {
            case ZEROS -> 0;
            case SIGNED, SPECIAL -> unit;
            case TIES -> Math.signum(unit) * 0.5f;
            case LARGE -> unit * large();
          };
      numbers[i] = precision == DType.F32 ? number : stored(number);
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

  /// An output whose every number, and all around, is [#guard].
  Tensor output(int rows, int columns) {
    float[] guards = new float[rows * columns];
    Arrays.fill(guards, guard());
    return guarded(guards, rows, columns, guard());
  }

  /// An output that begins as a copy of `numbers`, for calls that work in place.
  Tensor inPlace(float[] numbers, int rows, int columns) {
    return guarded(numbers, rows, columns, guard());
  }

  private Tensor guarded(float[] numbers, int rows, int columns, float guard) {
    int width = columns + 2 * guardColumns;
    float[] all = new float[(rows + 2 * GUARD_ROWS) * width];
    Arrays.fill(all, guard);
    for (int n = 0; n < rows; n++) {
      System.arraycopy(numbers, n * columns, all, (n + GUARD_ROWS) * width + guardColumns, columns);
    }
    Tensor made = arena.tensor(HostTensor.of(all, rows + 2 * GUARD_ROWS, width));
    whole = made;
    return made.rows(GUARD_ROWS, rows).columns(guardColumns, columns);
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
        int column = i - guardColumns;
        float value = all[n * whole.columns() + i];
        if (row >= 0 && row < y.rows() && column >= 0 && column < y.columns()) {
          inside[row * y.columns() + column] = value;
        } else if (value != guard()) {
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
