package dev.coffey.server.cli;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;

/// How fast a backend is: each operation at the sizes of DistilBERT-base, then the whole model with
/// generated weights.
final class SpeedTest {
  /// What is timed.
  ///
  /// @param tokens of the batches, ascending
  /// @param length of each text, except in the mix
  /// @param longest text of the mix; the shortest has [#SHORTEST] tokens
  /// @param model whose widths the operations have
  record Workload(List<Integer> tokens, int length, int longest, GeneratedModel model) {}

  /// DistilBERT-base.
  static final Workload BASE =
      new Workload(List.of(128, 1024, 8192, 32768), 128, 512, GeneratedModel.distilBertBase(1));

  /// Of the mix.
  private static final int SHORTEST = 8;

  /// One operation with `tokens` rows.
  ///
  /// @param nanos of one call, at best
  /// @param operations additions and multiplications of one call
  /// @param bytes that a call must at least move
  record Sample(String operation, int tokens, double nanos, double operations, double bytes) {}

  /// The model over one batch of texts of these lengths.
  record ModelSample(List<Integer> lengths, double nanos) {
    int tokens() {
      return lengths.stream().mapToInt(Integer::intValue).sum();
    }

    double tokensPerSecond() {
      return tokens() * 1e9 / nanos;
    }
  }

  /// Calls that are timed as one: a GPU's launches then lie behind each other.
  private static final int CALLS = 10;

  /// The best of so many timings.
  private static final int TIMINGS = 5;

  /// Of the model, at most, unless [#PATIENCE] ends before.
  private static final int RUNS = 200;

  private static final Duration PATIENCE = Duration.ofSeconds(1);

  /// A size whose call takes longer is the last that is measured: on a CPU the next would take
  /// minutes.
  private static final Duration LONG = Duration.ofMillis(100);

  private final Kernels kernels;
  private final Workload workload;
  private final LongSupplier nanoTime;
  private final int hidden;
  private final int wide;
  private final List<Sample> samples = new ArrayList<>();

  SpeedTest(Kernels kernels, Workload workload, LongSupplier nanoTime) {
    this.kernels = kernels;
    this.workload = workload;
    this.nanoTime = nanoTime;
    this.hidden = workload.model().hidden();
    this.wide = workload.model().feedForward();
  }

  /// Times each operation.
  List<Sample> operations() {
    for (int tokens : workload.tokens()) {
      double slowest = 0;
      int from = samples.size();
      time(tokens);
      for (Sample sample : samples.subList(from, samples.size())) {
        slowest = Math.max(slowest, sample.nanos());
      }
      if (slowest > LONG.toNanos()) {
        break;
      }
    }
    return List.copyOf(samples);
  }

  private void time(int tokens) {
    int length = workload.length();
    try (TensorArena arena = kernels.arena();
        Recorder recorder = kernels.recorder()) {
      Random random = new Random(20261125);
      Tensor x = numbers(arena, random, tokens, hidden);
      Tensor packed = numbers(arena, random, tokens, 3 * hidden);
      Tensor inner = numbers(arena, random, tokens, wide);
      Tensor y = arena.tensor(tokens, hidden);
      Tensor vector = numbers(arena, random, 1, hidden);
      Norm norm = new Norm(Norm.Kind.LAYER, vector, vector, 1e-12f);
      PackedWeights queryKeyValue = weights(arena, random, 3 * hidden, hidden);
      PackedWeights out = weights(arena, random, hidden, hidden);
      PackedWeights up = weights(arena, random, wide, hidden);
      PackedWeights down = weights(arena, random, hidden, wide);
      int texts = tokens / length;
      int[] starts = new int[texts + 1];
      Arrays.setAll(starts, i -> i * length);
      Indices offsets = arena.indices(texts + 1);
      kernels.upload(starts, texts + 1, offsets);
      int[] places = new int[tokens];
      Arrays.setAll(places, i -> i % length);
      Indices positions = arena.indices(tokens);
      kernels.upload(places, tokens, positions);
      Tensor pooled = arena.tensor(texts, hidden);
      double size = kernels.precision().bytes();
      Timer timer = new Timer(recorder, tokens, y.rows(0, 1).columns(0, 1));

      double row = tokens * (double) hidden;
      // Of the table only the first rows are read, again and again.
      double table = length * (double) hidden;
      timer.time("gather", 0, (row + table) * size, () -> kernels.gather(x, positions, y));
      timer.time(
          "addPositionNorm",
          8 * row,
          (2 * row + table) * size,
          () -> kernels.addPositionNorm(x, x, positions, null, null, norm, y));
      timer.product(
          "linear %d to %d".formatted(hidden, 3 * hidden),
          hidden,
          3 * hidden,
          () -> kernels.linear(x, queryKeyValue, null, Activation.NONE, packed));
      timer.product(
          "linear %d to %d GELU".formatted(hidden, wide),
          hidden,
          wide,
          () -> kernels.linear(x, up, null, Activation.GELU_ERF, inner));
      timer.product(
          "linearAddNorm %d to %d".formatted(hidden, hidden),
          hidden,
          hidden,
          () -> kernels.linearAddNorm(x, out, null, x, norm, y));
      timer.product(
          "linearAddNorm %d to %d".formatted(wide, hidden),
          wide,
          hidden,
          () -> kernels.linearAddNorm(inner, down, null, x, norm, y));
      timer.time(
          "attention",
          4 * row * length,
          4 * row * size,
          () ->
              kernels.attention(
                  packed.columns(0, hidden),
                  offsets,
                  packed.columns(hidden, hidden),
                  packed.columns(2 * hidden, hidden),
                  offsets,
                  workload.model().heads(),
                  y));
      timer.time(
          "pool MEAN", row, row * size, () -> kernels.pool(x, offsets, Pooling.MEAN, pooled));
      timer.time("norm", 8 * row, 2 * row * size, () -> kernels.norm(x, norm, y));
      timer.time("softmax", 4 * row, 2 * row * size, () -> kernels.softmax(x, y));
    }
  }

  /// Times operations of one size.
  private final class Timer {
    private final Recorder recorder;
    private final int tokens;
    private final Tensor waited;

    /// @param waited read to wait until all before is done
    Timer(Recorder recorder, int tokens, Tensor waited) {
      this.recorder = recorder;
      this.tokens = tokens;
      this.waited = waited;
    }

    void product(String name, int inputs, int outputs, Runnable call) {
      double size = kernels.precision().bytes();
      double moved = (double) inputs * outputs + tokens * ((double) inputs + outputs);
      time(name, 2.0 * tokens * inputs * outputs, moved * size, call);
    }

    void time(String name, double operations, double bytes, Runnable call) {
      double once = best(name, 1, call);
      // What is slow needs no repeating, and what is fast is timed over many calls.
      double nanos = once > LONG.toNanos() ? once : best(name, CALLS, call);
      samples.add(new Sample(name, tokens, nanos, operations, bytes));
    }

    private double best(String name, int calls, Runnable call) {
      long best = Long.MAX_VALUE;
      for (int i = 0; i < TIMINGS; i++) {
        long start = nanoTime.getAsLong();
        recorder.run(
            name + calls,
            List.of(),
            () -> {
              for (int n = 0; n < calls; n++) {
                call.run();
              }
              return waited;
            });
        kernels.download(waited, new float[1]);
        best = Math.min(best, nanoTime.getAsLong() - start);
        // The first ones may still be compiled.
        if (i >= 2 && best > LONG.toNanos() * calls) {
          break;
        }
      }
      return best / (double) calls;
    }
  }

  /// Times the model, whose weights are generated into `folder`: on texts of equal length, then on
  /// a mix of lengths, for each number of tokens.
  List<ModelSample> model(Path folder) throws IOException {
    workload.model().write(folder);
    List<ModelSample> results = new ArrayList<>();
    try (ModelFolder checkpoint = ModelFolder.open(folder);
        TextModel model = TextModel.load(checkpoint, kernels)) {
      for (int tokens : workload.tokens()) {
        List<Integer> equal = Collections.nCopies(tokens / workload.length(), workload.length());
        List<Integer> mix = mix(tokens);
        double nanos = best(model, equal);
        results.add(new ModelSample(equal, nanos));
        if (mix.size() > 1) {
          results.add(new ModelSample(mix, best(model, mix)));
        }
        if (nanos > 10 * LONG.toNanos()) {
          break;
        }
      }
    }
    return results;
  }

  /// The best of many runs, if they are short: the host's part of one is compiled meanwhile.
  private double best(TextModel model, List<Integer> lengths) {
    List<TextInput> texts = texts(lengths, model.config().vocabSize());
    long first = nanoTime.getAsLong();
    long best = Long.MAX_VALUE;
    for (int i = 0; i < RUNS; i++) {
      long start = nanoTime.getAsLong();
      if (i >= TIMINGS && start - first > PATIENCE.toNanos()) {
        break;
      }
      var _ = model.run(texts);
      best = Math.min(best, nanoTime.getAsLong() - start);
    }
    return best;
  }

  /// Lengths spread evenly from the shortest to the longest, in no order, as many as have `tokens`
  /// tokens at most.
  private List<Integer> mix(int tokens) {
    List<Integer> lengths = new ArrayList<>();
    int spread = workload.longest() - SHORTEST + 1;
    int sum = 0;
    for (int i = 0; ; i++) {
      // The share of the golden ratio in whole numbers: successive ones lie far apart.
      int length = SHORTEST + (int) (((i * 2654435769L) % (1L << 32) * spread) >>> 32);
      if (sum + length > tokens) {
        return List.copyOf(lengths);
      }
      sum += length;
      lengths.add(length);
    }
  }

  private static List<TextInput> texts(List<Integer> lengths, int vocabulary) {
    List<TextInput> texts = new ArrayList<>(lengths.size());
    int first = 0;
    for (int length : lengths) {
      int[] ids = new int[length];
      int[] positions = new int[length];
      int before = first;
      Arrays.setAll(ids, i -> Math.floorMod((before + i) * 7919, vocabulary));
      Arrays.setAll(positions, i -> i);
      texts.add(new TextInput(ids, new int[length], positions, List.of(new Readout.Head())));
      first += length;
    }
    return texts;
  }

  private static Tensor numbers(TensorArena arena, Random random, int rows, int columns) {
    return arena.tensor(host(random, rows, columns, 1));
  }

  private static PackedWeights weights(TensorArena arena, Random random, int outputs, int inputs) {
    return arena.pack(host(random, outputs, inputs, (float) (1 / Math.sqrt(inputs))));
  }

  private static HostTensor host(Random random, int rows, int columns, float scale) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (2 * random.nextFloat() - 1) * scale;
    }
    return HostTensor.of(values, rows, columns);
  }
}
