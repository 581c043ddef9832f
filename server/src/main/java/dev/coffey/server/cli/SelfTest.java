package dev.coffey.server.cli;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// Runs every operation of a backend and of the oracle on the same numbers, and compares. Not the
/// contract test of the build, which knows each operation's own error bound and many sizes: a check
/// that this machine, with this JVM, computes what it should.
final class SelfTest {
  /// Rows of a table: more than a text has positions.
  private static final int VOCABULARY = 200;

  /// One operation.
  ///
  /// @param error the largest difference, as a share of the largest number of its row (of 1 where
  ///   that is smaller)
  /// @param tolerance the most that it may be
  record Outcome(String operation, double error, double tolerance) {
    /// False for NaN too.
    boolean passed() {
      return error <= tolerance;
    }

    Outcome named(String name) {
      return new Outcome(name, error, tolerance);
    }
  }

  /// A unit in the last place of 1.
  private static final double EPSILON = 0x1p-23;

  /// What the operations are called with.
  ///
  /// @param lengths of the texts
  /// @param hidden H, a multiple of `heads`
  /// @param wide a feed-forward's width
  record Sizes(List<Integer> lengths, int hidden, int wide, int heads) {
    int tokens() {
      return lengths.stream().mapToInt(Integer::intValue).sum();
    }

    int[] offsets() {
      int[] offsets = new int[lengths.size() + 1];
      for (int text = 0; text < lengths.size(); text++) {
        offsets[text + 1] = offsets[text] + lengths.get(text);
      }
      return offsets;
    }
  }

  /// No multiple of any lane count, and large enough for every blocked loop to go round twice.
  static final List<Sizes> FEW = List.of(new Sizes(List.of(1, 7, 12, 17), 264, 523, 4));

  /// Around every tile and tail of the GPU's kernels too: texts of 1 to 130 tokens, head widths of
  /// each attention kernel, rows and columns on both sides of a tile's edge.
  static final List<Sizes> MANY =
      List.of(
          FEW.getFirst(),
          new Sizes(List.of(1), 1, 2, 1),
          new Sizes(List.of(3, 1, 4), 8, 7, 2),
          new Sizes(List.of(63, 1), 64, 65, 1),
          new Sizes(List.of(64), 63, 64, 3),
          new Sizes(List.of(65, 2), 65, 127, 1),
          new Sizes(List.of(127, 1), 128, 129, 2),
          new Sizes(List.of(1, 129, 130, 64, 2), 192, 197, 6),
          new Sizes(List.of(31, 33, 130), 256, 384, 2),
          new Sizes(List.of(17, 47, 128), 768, 769, 12));

  private SelfTest() {}

  /// Compares on each of `sizes`; an operation's outcome is its worst.
  ///
  /// @param oracle the scalar backend
  static List<Outcome> run(Kernels oracle, Kernels tested, List<Sizes> sizes) {
    Map<String, Outcome> worst = new LinkedHashMap<>();
    for (Sizes size : sizes) {
      for (Outcome outcome : run(oracle, tested, size)) {
        worst.merge(outcome.operation(), outcome, SelfTest::worse);
      }
    }
    return List.copyOf(worst.values());
  }

  private static Outcome worse(Outcome a, Outcome b) {
    return severity(b) > severity(a) ? b : a;
  }

  /// In shares of what is allowed.
  private static double severity(Outcome outcome) {
    if (Double.isNaN(outcome.error())) {
      return Double.POSITIVE_INFINITY;
    }
    return outcome.error() == 0 ? 0 : outcome.error() / outcome.tolerance();
  }

  private static List<Outcome> run(Kernels oracle, Kernels tested, Sizes sizes) {
    DType type = tested.precision();
    List<Result> expected = compute(oracle, sizes, type);
    List<Result> got = compute(tested, sizes, type);
    List<Outcome> outcomes = new ArrayList<>();
    for (int i = 0; i < expected.size(); i++) {
      Result reference = expected.get(i);
      outcomes.add(
          new Outcome(reference.operation(), error(reference, got.get(i)), reference.tolerance()));
    }
    return outcomes;
  }

  @SuppressWarnings("ArrayRecordComponent") // never compared as a record
  private record Result(String operation, double tolerance, int columns, float[] values) {}

  private static double error(Result expected, Result got) {
    double worst = 0;
    for (int row = 0; row < expected.values().length; row += expected.columns()) {
      double largest = 1;
      double difference = 0;
      for (int i = row; i < row + expected.columns(); i++) {
        largest = Math.max(largest, Math.abs(expected.values()[i]));
        double here = Math.abs((double) expected.values()[i] - got.values()[i]);
        difference = Double.isNaN(here) ? Double.NaN : Math.max(difference, here);
      }
      worst = Math.max(worst, difference / largest);
    }
    return worst;
  }

  /// A sum of `terms` products of numbers around 1, in fp32, is off by some √terms units of its
  /// largest partial sum; eight times that leaves room for any order of addition and none for a
  /// wrong term.
  private static double sum(int terms) {
    return 8 * Math.sqrt(terms) * EPSILON;
  }

  /// What rounding results to the precision may add: half a unit for each of the roundings of a
  /// result and of what stands between, which a norm or a softmax at most doubles. The inputs are
  /// numbers that the precision has, so that the oracle sees the same.
  private static double rounding(DType type) {
    return type == DType.F32 ? 0 : 4 * type.epsilon();
  }

  private static List<Result> compute(Kernels kernels, Sizes sizes, DType type) {
    Random random = new Random(20261123);
    int[] starts = sizes.offsets();
    int tokens = sizes.tokens();
    int hidden = sizes.hidden();
    int wideness = sizes.wide();
    List<Result> results = new ArrayList<>();
    try (TensorArena arena = kernels.arena()) {
      Bench bench = new Bench(kernels, arena, random, results, type);
      Tensor x = bench.numbers(tokens, hidden);
      Tensor residual = bench.numbers(tokens, hidden);
      Tensor table = bench.numbers(VOCABULARY, hidden);
      Indices rows = bench.below(VOCABULARY, tokens);
      Indices offsets = bench.indices(starts);
      int[] places = new int[tokens];
      for (int text = 0; text + 1 < starts.length; text++) {
        for (int i = starts[text]; i < starts[text + 1]; i++) {
          places[i] = i - starts[text];
        }
      }
      Indices positions = bench.indices(places);
      Norm layer =
          new Norm(Norm.Kind.LAYER, bench.numbers(1, hidden), bench.numbers(1, hidden), 1e-12f);
      Norm affine =
          new Norm(Norm.Kind.AFFINE, bench.numbers(1, hidden), bench.numbers(1, hidden), 0);

      bench.run("gather", 0, tokens, hidden, y -> kernels.gather(table, rows, y));
      bench.run(
          "addPositionNorm",
          64 * EPSILON,
          tokens,
          hidden,
          y -> kernels.addPositionNorm(x, table, positions, null, null, layer, y));
      PackedWeights up = bench.weights(wideness, hidden);
      Tensor bias = bench.numbers(1, wideness);
      for (Activation activation : Activation.values()) {
        bench.run(
            "linear " + activation,
            sum(hidden),
            tokens,
            wideness,
            y -> kernels.linear(x, up, bias, activation, y));
      }
      bench.run(
          "linear, one row",
          sum(hidden),
          1,
          wideness,
          y -> kernels.linear(x.rows(tokens / 2, 1), up, null, Activation.NONE, y));
      PackedWeights down = bench.weights(hidden, wideness);
      Tensor wide = bench.numbers(tokens, wideness);
      Tensor downBias = bench.numbers(1, hidden);
      bench.run(
          "linearAddNorm LAYER",
          // The normalized sum has the sum's error over a deviation of about √wideness/3, times
          // weights
          // of up to 1.
          sum(wideness),
          tokens,
          hidden,
          y -> kernels.linearAddNorm(wide, down, downBias, residual, layer, y));
      bench.run(
          "linearAddNorm AFFINE",
          sum(wideness),
          tokens,
          hidden,
          y -> kernels.linearAddNorm(wide, down, downBias, residual, affine, y));
      Tensor query = bench.numbers(tokens, hidden);
      Tensor value = bench.numbers(tokens, hidden);
      bench.run(
          "attention",
          sum(hidden),
          tokens,
          hidden,
          y -> kernels.attention(query, offsets, x, value, offsets, sizes.heads(), y));
      bench.run(
          "neighbours", 0, tokens, 3 * hidden, y -> kernels.neighbours(x, positions, offsets, y));
      for (Pooling pooling : Pooling.values()) {
        bench.run(
            "pool " + pooling,
            sum(tokens),
            starts.length - 1,
            hidden,
            y -> kernels.pool(x, offsets, pooling, y));
      }
      bench.run("norm LAYER", 64 * EPSILON, tokens, hidden, y -> kernels.norm(x, layer, y));
      bench.run("norm AFFINE", 4 * EPSILON, tokens, hidden, y -> kernels.norm(x, affine, y));
      bench.run("l2Normalize", 64 * EPSILON, tokens, hidden, y -> kernels.l2Normalize(x, y));
      bench.run("softmax", 64 * EPSILON, tokens, hidden, y -> kernels.softmax(x, y));
    }
    return results;
  }

  private interface Operation {
    void into(Tensor y);
  }

  /// Makes the same inputs, in the same order, for every backend.
  private record Bench(
      Kernels kernels, TensorArena arena, Random random, List<Result> results, DType type) {
    private float[] signed(int count) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = type.rounded(2 * random.nextFloat() - 1);
      }
      return values;
    }

    Tensor numbers(int rows, int columns) {
      return arena.tensor(HostTensor.of(signed(rows * columns), rows, columns));
    }

    PackedWeights weights(int outputs, int inputs) {
      float[] values = signed(outputs * inputs);
      for (int i = 0; i < values.length; i++) {
        // So that outputs are around 1, where activations bend.
        values[i] = type.rounded(values[i] / (float) Math.sqrt(inputs));
      }
      return arena.pack(HostTensor.of(values, outputs, inputs));
    }

    Indices indices(int... values) {
      Indices indices = arena.indices(values.length);
      kernels.upload(values, values.length, indices);
      return indices;
    }

    Indices below(int limit, int count) {
      return indices(random.ints(count, 0, limit).toArray());
    }

    void run(String name, double tolerance, int rows, int columns, Operation operation) {
      Tensor y = arena.tensor(rows, columns);
      operation.into(y);
      float[] values = new float[rows * columns];
      kernels.download(y, values);
      results.add(new Result(name, tolerance + rounding(type), columns, values));
    }
  }
}
