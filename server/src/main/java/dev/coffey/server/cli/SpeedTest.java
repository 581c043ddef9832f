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
import java.util.List;
import java.util.Random;
import java.util.function.LongSupplier;

/// How fast a backend is: each operation at the sizes of DistilBERT-base, then the whole model with
/// generated weights.
final class SpeedTest {
  /// One operation with `tokens` rows.
  ///
  /// @param nanos of one call, at best
  /// @param operations additions and multiplications of one call
  /// @param bytes that a call must at least move
  record Sample(String operation, int tokens, double nanos, double operations, double bytes) {}

  /// DistilBERT-base over texts of [#LENGTH] tokens, `tokens` in all.
  record ModelSample(int tokens, double nanos) {
    double tokensPerSecond() {
      return tokens * 1e9 / nanos;
    }
  }

  private static final int[] TOKENS = {128, 1024, 8192, 32768};
  private static final int LENGTH = 128;
  private static final int HIDDEN = 768;
  private static final int WIDE = 3072;
  private static final int HEADS = 12;

  /// Calls that are timed as one: a GPU's launches then lie behind each other.
  private static final int CALLS = 10;

  /// The best of so many timings.
  private static final int TIMINGS = 5;

  /// A size whose call takes longer is the last that is measured: on a CPU the next would take
  /// minutes.
  private static final Duration LONG = Duration.ofMillis(100);

  private final Kernels kernels;
  private final LongSupplier nanoTime;
  private final List<Sample> samples = new ArrayList<>();

  SpeedTest(Kernels kernels, LongSupplier nanoTime) {
    this.kernels = kernels;
    this.nanoTime = nanoTime;
  }

  /// Times each operation.
  List<Sample> operations() {
    for (int tokens : TOKENS) {
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
    try (TensorArena arena = kernels.arena();
        Recorder recorder = kernels.recorder()) {
      Random random = new Random(20261125);
      Tensor x = numbers(arena, random, tokens, HIDDEN);
      Tensor packed = numbers(arena, random, tokens, 3 * HIDDEN);
      Tensor inner = numbers(arena, random, tokens, WIDE);
      Tensor y = arena.tensor(tokens, HIDDEN);
      Tensor vector = numbers(arena, random, 1, HIDDEN);
      Norm norm = new Norm(Norm.Kind.LAYER, vector, vector, 1e-12f);
      PackedWeights queryKeyValue = weights(arena, random, 3 * HIDDEN, HIDDEN);
      PackedWeights out = weights(arena, random, HIDDEN, HIDDEN);
      PackedWeights up = weights(arena, random, WIDE, HIDDEN);
      PackedWeights down = weights(arena, random, HIDDEN, WIDE);
      int texts = tokens / LENGTH;
      int[] starts = new int[texts + 1];
      Arrays.setAll(starts, i -> i * LENGTH);
      Indices offsets = arena.indices(texts + 1);
      kernels.upload(starts, texts + 1, offsets);
      int[] places = new int[tokens];
      Arrays.setAll(places, i -> i % LENGTH);
      Indices positions = arena.indices(tokens);
      kernels.upload(places, tokens, positions);
      Tensor pooled = arena.tensor(texts, HIDDEN);
      double size = kernels.precision().bytes();
      Timer timer = new Timer(recorder, tokens, y.rows(0, 1).columns(0, 1));

      double row = tokens * (double) HIDDEN;
      timer.time("gather", 0, 2 * row * size, () -> kernels.gather(x, positions, y));
      timer.time(
          "addPositionNorm",
          8 * row,
          2 * row * size,
          () -> kernels.addPositionNorm(x, x, positions, null, null, norm, y));
      timer.product(
          "linear 768 to 2304",
          HIDDEN,
          3 * HIDDEN,
          () -> kernels.linear(x, queryKeyValue, null, Activation.NONE, packed));
      timer.product(
          "linear 768 to 3072 GELU",
          HIDDEN,
          WIDE,
          () -> kernels.linear(x, up, null, Activation.GELU_ERF, inner));
      timer.product(
          "linearAddNorm 768 to 768",
          HIDDEN,
          HIDDEN,
          () -> kernels.linearAddNorm(x, out, null, x, norm, y));
      timer.product(
          "linearAddNorm 3072 to 768",
          WIDE,
          HIDDEN,
          () -> kernels.linearAddNorm(inner, down, null, x, norm, y));
      timer.time(
          "attention",
          4 * row * LENGTH,
          4 * row * size,
          () ->
              kernels.attention(
                  packed.columns(0, HIDDEN),
                  offsets,
                  packed.columns(HIDDEN, HIDDEN),
                  packed.columns(2 * HIDDEN, HIDDEN),
                  offsets,
                  HEADS,
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

  /// Times DistilBERT-base, whose weights are generated into `folder`.
  List<ModelSample> model(Path folder) throws IOException {
    GeneratedModel.distilBertBase(1).write(folder);
    List<ModelSample> results = new ArrayList<>();
    try (ModelFolder checkpoint = ModelFolder.open(folder);
        TextModel model = TextModel.load(checkpoint, kernels)) {
      for (int tokens : TOKENS) {
        List<TextInput> texts = texts(tokens / LENGTH, model.config().vocabSize());
        long best = Long.MAX_VALUE;
        for (int i = 0; i < TIMINGS; i++) {
          long start = nanoTime.getAsLong();
          var _ = model.run(texts);
          best = Math.min(best, nanoTime.getAsLong() - start);
        }
        results.add(new ModelSample(tokens, best));
        if (best > 10 * LONG.toNanos()) {
          break;
        }
      }
    }
    return results;
  }

  private static List<TextInput> texts(int count, int vocabulary) {
    List<TextInput> texts = new ArrayList<>(count);
    for (int text = 0; text < count; text++) {
      int[] ids = new int[LENGTH];
      int[] positions = new int[LENGTH];
      int first = text * LENGTH;
      Arrays.setAll(ids, i -> Math.floorMod((first + i) * 7919, vocabulary));
      Arrays.setAll(positions, i -> i);
      texts.add(new TextInput(ids, new int[LENGTH], positions, List.of(new Readout.Head())));
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
