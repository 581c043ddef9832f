package dev.coffey.server.cli;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// Runs every operation of a backend and of the oracle on the same numbers, and compares. Not the
/// contract test of the build, which knows each operation's own error bound and many sizes: a check
/// that this machine, with this JVM, computes what it should.
final class SelfTest {
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
  }

  /// A unit in the last place of 1.
  private static final double EPSILON = 0x1p-23;

  /// Sizes that are no multiple of any lane count, and large enough for every blocked loop to go
  /// round twice.
  private static final int TOKENS = 37;

  private static final int HIDDEN = 264;
  private static final int WIDE = 523;
  private static final int HEADS = 4;
  private static final int VOCABULARY = 50;

  /// Where each of four texts starts, and where the last ends.
  private static final int[] OFFSETS = {0, 1, 8, 20, TOKENS};

  private SelfTest() {}

  /// @param oracle the scalar backend
  static List<Outcome> run(Kernels oracle, Kernels tested) {
    List<Result> expected = compute(oracle);
    List<Result> got = compute(tested);
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

  private static List<Result> compute(Kernels kernels) {
    Random random = new Random(20261123);
    List<Result> results = new ArrayList<>();
    try (TensorArena arena = kernels.arena()) {
      Bench bench = new Bench(kernels, arena, random, results);
      Tensor x = bench.numbers(TOKENS, HIDDEN);
      Tensor residual = bench.numbers(TOKENS, HIDDEN);
      Tensor table = bench.numbers(VOCABULARY, HIDDEN);
      Indices rows = bench.below(VOCABULARY, TOKENS);
      Indices offsets = bench.indices(OFFSETS);
      int[] places = new int[TOKENS];
      for (int text = 0; text + 1 < OFFSETS.length; text++) {
        for (int i = OFFSETS[text]; i < OFFSETS[text + 1]; i++) {
          places[i] = i - OFFSETS[text];
        }
      }
      Indices positions = bench.indices(places);
      Norm layer =
          new Norm(Norm.Kind.LAYER, bench.numbers(1, HIDDEN), bench.numbers(1, HIDDEN), 1e-12f);
      Norm affine =
          new Norm(Norm.Kind.AFFINE, bench.numbers(1, HIDDEN), bench.numbers(1, HIDDEN), 0);

      bench.run("gather", 0, TOKENS, HIDDEN, y -> kernels.gather(table, rows, y));
      bench.run(
          "addPositionNorm",
          64 * EPSILON,
          TOKENS,
          HIDDEN,
          y -> kernels.addPositionNorm(x, table, positions, null, null, layer, y));
      PackedWeights up = bench.weights(WIDE, HIDDEN);
      Tensor bias = bench.numbers(1, WIDE);
      for (Activation activation : Activation.values()) {
        bench.run(
            "linear " + activation,
            sum(HIDDEN),
            TOKENS,
            WIDE,
            y -> kernels.linear(x, up, bias, activation, y));
      }
      bench.run(
          "linear, one row",
          sum(HIDDEN),
          1,
          WIDE,
          y -> kernels.linear(x.rows(3, 1), up, null, Activation.NONE, y));
      PackedWeights down = bench.weights(HIDDEN, WIDE);
      Tensor wide = bench.numbers(TOKENS, WIDE);
      Tensor downBias = bench.numbers(1, HIDDEN);
      bench.run(
          "linearAddNorm LAYER",
          // The normalized sum has the sum's error over a deviation of about √WIDE/3, times weights
          // of up to 1.
          sum(WIDE),
          TOKENS,
          HIDDEN,
          y -> kernels.linearAddNorm(wide, down, downBias, residual, layer, y));
      bench.run(
          "linearAddNorm AFFINE",
          sum(WIDE),
          TOKENS,
          HIDDEN,
          y -> kernels.linearAddNorm(wide, down, downBias, residual, affine, y));
      Tensor query = bench.numbers(TOKENS, HIDDEN);
      Tensor value = bench.numbers(TOKENS, HIDDEN);
      bench.run(
          "attention",
          sum(HIDDEN),
          TOKENS,
          HIDDEN,
          y -> kernels.attention(query, offsets, x, value, offsets, HEADS, y));
      bench.run(
          "neighbours", 0, TOKENS, 3 * HIDDEN, y -> kernels.neighbours(x, positions, offsets, y));
      for (Pooling pooling : Pooling.values()) {
        bench.run(
            "pool " + pooling,
            sum(TOKENS),
            OFFSETS.length - 1,
            HIDDEN,
            y -> kernels.pool(x, offsets, pooling, y));
      }
      bench.run("norm LAYER", 64 * EPSILON, TOKENS, HIDDEN, y -> kernels.norm(x, layer, y));
      bench.run("norm AFFINE", 4 * EPSILON, TOKENS, HIDDEN, y -> kernels.norm(x, affine, y));
      bench.run("l2Normalize", 64 * EPSILON, TOKENS, HIDDEN, y -> kernels.l2Normalize(x, y));
      bench.run("softmax", 64 * EPSILON, TOKENS, HIDDEN, y -> kernels.softmax(x, y));
    }
    return results;
  }

  private interface Operation {
    void into(Tensor y);
  }

  /// Makes the same inputs, in the same order, for every backend.
  private record Bench(Kernels kernels, TensorArena arena, Random random, List<Result> results) {
    private float[] signed(int count) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = 2 * random.nextFloat() - 1;
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
        values[i] /= (float) Math.sqrt(inputs);
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
      results.add(new Result(name, tolerance, columns, values));
    }
  }
}
