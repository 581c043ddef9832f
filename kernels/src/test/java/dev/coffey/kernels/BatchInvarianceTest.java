package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Backends.Backend;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/// A row's bits don't depend on the rows beside it, on its place, or on the number of threads.
/// Breaks if a kernel for few rows adds in another order than the one for many, if a sum is split
/// by the number of rows or threads, or if a tail of rows is computed otherwise.
class BatchInvarianceTest {
  private static final int INPUTS = 65;
  private static final int OUTPUTS = 70;
  // More than a tile of rows, and a remainder for every block height.
  private static final int ROWS = 71;

  static List<Backend> backends() {
    List<Backend> backends = new ArrayList<>(Backends.usable());
    // Few rows get small tiles, many get large ones.
    backends.add(Backends.interpreted(80, DType.F32, 4));
    backends.add(Backends.interpreted(80, DType.BF16, 4));
    backends.add(Backends.interpreted(75, DType.F16, 4));
    return backends;
  }

  /// An operation that computes rows from rows. Parameters come from the bench, the same for the
  /// same seed.
  private enum RowOperation {
    LINEAR {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        linear(bench, x, Activation.NONE, y);
      }
    },
    LINEAR_GELU_ERF {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        linear(bench, x, Activation.GELU_ERF, y);
      }
    },
    LINEAR_GELU_TANH {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        linear(bench, x, Activation.GELU_TANH, y);
      }
    },
    LINEAR_TANH {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        linear(bench, x, Activation.TANH, y);
      }
    },
    LINEAR_NORM {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        PackedWeights w =
            bench.pack(HostTensor.of(bench.numbers(OUTPUTS, INPUTS), OUTPUTS, INPUTS));
        Tensor bias = bench.vector(bench.numbers(1, OUTPUTS));
        bench.kernels().linearAddNorm(x, w, bias, null, norm(bench, OUTPUTS), y);
      }
    },
    NORM {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        bench.kernels().norm(x.columns(0, OUTPUTS), norm(bench, OUTPUTS), y);
      }
    },
    L2_NORMALIZE {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        bench.kernels().l2Normalize(x.columns(0, OUTPUTS), y);
      }
    },
    SOFTMAX {
      @Override
      void call(Bench bench, Tensor x, Tensor y) {
        bench.kernels().softmax(x.columns(0, OUTPUTS), y);
      }
    };

    abstract void call(Bench bench, Tensor x, Tensor y);

    int inputs() {
      return this == NORM || this == L2_NORMALIZE || this == SOFTMAX ? OUTPUTS : INPUTS;
    }

    private static void linear(Bench bench, Tensor x, Activation act, Tensor y) {
      PackedWeights w = bench.pack(HostTensor.of(bench.numbers(OUTPUTS, INPUTS), OUTPUTS, INPUTS));
      bench.kernels().linear(x, w, bench.vector(bench.numbers(1, OUTPUTS)), act, y);
    }

    private static Norm norm(Bench bench, int columns) {
      Tensor weight = bench.vector(bench.numbers(1, columns));
      return new Norm(Norm.Kind.LAYER, weight, bench.vector(bench.numbers(1, columns)), 1e-12f);
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void rowOperations_otherRowsPlacesAndThreads_sameBits(Backend backend) {
    for (RowOperation operation : RowOperation.values()) {
      float[][] x = rows(ROWS, operation.inputs());
      float[][] whole = run(backend, 1, operation, x);
      for (int threads : new int[] {2, 3}) {
        assertSameBits(
            operation + ", threads " + threads, run(backend, threads, operation, x), whole);
      }
      for (int count = 1; count <= 14; count++) {
        float[][] first = Arrays.copyOf(x, count);
        assertSameBits(
            operation + ", first " + count,
            run(backend, 1, operation, first),
            Arrays.copyOf(whole, count));
      }
      float[][] reversed = new float[ROWS][];
      float[][] expected = new float[ROWS][];
      for (int n = 0; n < ROWS; n++) {
        reversed[n] = x[ROWS - 1 - n];
        expected[n] = whole[ROWS - 1 - n];
      }
      assertSameBits(operation + ", reversed", run(backend, 2, operation, reversed), expected);
    }
  }

  // Breaks if the tile that a product is computed with, which the number of rows decides, shows.
  @ParameterizedTest
  @EnumSource
  void linear_anyTileOnCuda_sameBits(DType precision) {
    for (RowOperation operation : List.of(RowOperation.LINEAR_GELU_ERF, RowOperation.LINEAR_NORM)) {
      float[][] x = rows(ROWS, INPUTS);
      float[][] small = run(Backends.interpreted(80, precision, 132), 1, operation, x);
      for (int multiprocessors : new int[] {1, 4}) {
        Backend other = Backends.interpreted(80, precision, multiprocessors);
        assertSameBits(operation + " on " + other, run(other, 1, operation, x), small);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void attention_textAloneOrSelectedQueries_sameBits(Backend backend) {
    int heads = 2;
    int hidden = 2 * 12;
    int[] lengths = {5, 40, 1, 17, 66};
    int rows = Arrays.stream(lengths).sum();
    float[][] q = rows(rows, hidden);
    float[][] k = rows(rows, hidden, 2);
    float[][] v = rows(rows, hidden, 3);
    float[][] whole = attention(backend, 1, q, lengths, k, v, lengths, heads);
    assertSameBits("threads 2", attention(backend, 2, q, lengths, k, v, lengths, heads), whole);
    int first = 0;
    for (int length : lengths) {
      int end = first + length;
      float[][] textK = Arrays.copyOfRange(k, first, end);
      float[][] textV = Arrays.copyOfRange(v, first, end);
      int[] alone = {length};
      assertSameBits(
          "text alone",
          attention(
              backend, 1, Arrays.copyOfRange(q, first, end), alone, textK, textV, alone, heads),
          Arrays.copyOfRange(whole, first, end));
      int last = end - 1;
      assertSameBits(
          "two queries of a text",
          attention(
              backend,
              1,
              new float[][] {q[last], q[first]},
              new int[] {2},
              textK,
              textV,
              alone,
              heads),
          new float[][] {whole[last], whole[first]});
      first = end;
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void pool_textAlone_sameBits(Backend backend) {
    float[][] x = rows(20, 21);
    for (Pooling pooling : Pooling.values()) {
      float[][] both = pool(backend, pooling, x, new int[] {0, 13, 20});
      float[][] second = pool(backend, pooling, Arrays.copyOfRange(x, 13, 20), new int[] {0, 7});
      assertSameBits(pooling + " alone", second, new float[][] {both[1]});
    }
  }

  // A slice of packed parts must not repack: K and V alone give what they give beside Q.
  @ParameterizedTest
  @MethodSource("backends")
  void parts_slice_sameBitsAsTheWhole(Backend backend) {
    try (Kernels kernels = backend.open().apply(2);
        Bench bench = backend.bench(kernels, Bench.Values.SIGNED, 5)) {
      HostTensor[] parts = new HostTensor[3];
      Arrays.setAll(parts, i -> HostTensor.of(bench.numbers(19, 33), 19, 33));
      PackedWeights whole = bench.pack(parts);
      Tensor x = bench.tensor(bench.numbers(9, 33), 9, 33);
      Tensor all = bench.output(9, 57);
      kernels.linear(x, whole, null, Activation.NONE, all);
      float[] allNumbers = bench.read(all);
      Tensor some = bench.output(9, 38);
      kernels.linear(x, whole.parts(1, 3), null, Activation.NONE, some);
      float[] someNumbers = bench.read(some);
      for (int n = 0; n < 9; n++) {
        assertThat(Arrays.copyOfRange(someNumbers, n * 38, (n + 1) * 38))
            .isEqualTo(Arrays.copyOfRange(allNumbers, n * 57 + 19, (n + 1) * 57));
      }
    }
  }

  private static float[][] rows(int rows, int columns) {
    return rows(rows, columns, 1);
  }

  private static float[][] rows(int rows, int columns, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    float[][] numbers = new float[rows][columns];
    for (float[] row : numbers) {
      for (int i = 0; i < columns; i++) {
        row[i] = (float) random.nextGaussian();
      }
    }
    return numbers;
  }

  private static float[][] run(
      Backend backend, int threads, RowOperation operation, float[][] rows) {
    try (Kernels kernels = backend.open().apply(threads);
        Bench bench = backend.bench(kernels, Bench.Values.SIGNED, 4)) {
      Tensor y = bench.output(rows.length, OUTPUTS);
      operation.call(bench, input(bench, rows), y);
      return split(kernels, y);
    }
  }

  private static float[][] attention(
      Backend backend,
      int threads,
      float[][] q,
      int[] queries,
      float[][] k,
      float[][] v,
      int[] keys,
      int heads) {
    try (Kernels kernels = backend.open().apply(threads);
        Bench bench = backend.bench(kernels, Bench.Values.SIGNED, 4)) {
      Tensor y = bench.output(q.length, q[0].length);
      kernels.attention(
          input(bench, q),
          bench.indices(offsets(queries)),
          input(bench, k),
          input(bench, v),
          bench.indices(offsets(keys)),
          heads,
          y);
      return split(kernels, y);
    }
  }

  private static float[][] pool(Backend backend, Pooling pooling, float[][] x, int[] offsets) {
    try (Kernels kernels = backend.open().apply(2);
        Bench bench = backend.bench(kernels, Bench.Values.SIGNED, 4)) {
      Tensor y = bench.output(offsets.length - 1, x[0].length);
      kernels.pool(input(bench, x), bench.indices(offsets), pooling, y);
      return split(kernels, y);
    }
  }

  private static Tensor input(Bench bench, float[][] rows) {
    int columns = rows[0].length;
    float[] numbers = new float[rows.length * columns];
    for (int n = 0; n < rows.length; n++) {
      System.arraycopy(rows[n], 0, numbers, n * columns, columns);
    }
    return bench.tensor(numbers, rows.length, columns);
  }

  private static float[][] split(Kernels kernels, Tensor y) {
    float[] numbers = new float[y.rows() * y.columns()];
    kernels.download(y, numbers);
    float[][] rows = new float[y.rows()][];
    Arrays.setAll(rows, n -> Arrays.copyOfRange(numbers, n * y.columns(), (n + 1) * y.columns()));
    return rows;
  }

  private static int[] offsets(int[] lengths) {
    return IntStream.rangeClosed(0, lengths.length)
        .map(t -> Arrays.stream(lengths, 0, t).sum())
        .toArray();
  }

  private static void assertSameBits(String what, float[][] actual, float[][] expected) {
    assertThat(actual.length).isEqualTo(expected.length);
    for (int n = 0; n < expected.length; n++) {
      for (int i = 0; i < expected[n].length; i++) {
        if (Float.floatToRawIntBits(actual[n][i]) != Float.floatToRawIntBits(expected[n][i])) {
          throw new AssertionError(
              "%s: row %d, column %d: %s, expected the bits of %s"
                  .formatted(what, n, i, actual[n][i], expected[n][i]));
        }
      }
    }
  }
}
