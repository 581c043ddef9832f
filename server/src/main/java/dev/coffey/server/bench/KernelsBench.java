package dev.coffey.server.bench;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.peak.FmaPeak;
import dev.coffey.kernels.peak.ReadBandwidth;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// Measures the operations of a CPU backend at the sizes of DistilBERT-base, in slices of a few
/// milliseconds between slices of what the processor does at most: a core that is slow for a moment
/// is slow for both.
public final class KernelsBench {
  private static final int HIDDEN = 768;
  private static final int WIDE = 3072;
  private static final int HEADS = 12;
  private static final int[][] SHAPES = {
    {HIDDEN, HIDDEN}, {HIDDEN, 3 * HIDDEN}, {HIDDEN, WIDE}, {WIDE, HIDDEN}
  };

  /// Weights beyond it come from memory: four times the largest last-level cache of the machines
  /// that this was tried on.
  private static final long COLD_BYTES = 128L << 20;

  private static final int LIMIT_NANOS = 2_000_000;
  private static final int SLICE_NANOS = 5_000_000;
  private static final int WARM_UP_NANOS = 300_000_000;
  private static final int LIMITS_WARM_UP_NANOS = 500_000_000;

  /// What is measured.
  ///
  /// @param hot tokens of the products whose weights are used again and again
  /// @param cold tokens of the products whose weights come from memory
  /// @param slices how often each is measured
  public record Plan(List<Integer> hot, List<Integer> cold, int slices) {}

  /// Enough for a median that two runs agree on to a few hundredths.
  public static final int SLICES = 15;

  private final Plan plan;
  private final Consumer<KernelSpeeds.Row> progress;
  private final List<KernelSpeeds.Row> rows = new ArrayList<>();

  private KernelsBench(Plan plan, Consumer<KernelSpeeds.Row> progress) {
    this.plan = plan;
    this.progress = progress;
  }

  /// Measures with one thread and, if there are more, with all.
  ///
  /// @param open the backend with so many threads
  public static KernelSpeeds run(
      IntFunction<Kernels> open, int threads, Plan plan, Consumer<KernelSpeeds.Row> progress)
      throws InterruptedException {
    KernelsBench bench = new KernelsBench(plan, progress);
    List<KernelSpeeds.Limits> limits = new ArrayList<>();
    String backend = "";
    for (int count : threads == 1 ? new int[] {1} : new int[] {1, threads}) {
      try (Kernels kernels = open.apply(count);
          TensorArena arena = kernels.arena();
          Meters meters = new Meters(arena, count)) {
        meters.warmUp();
        backend = kernels.description();
        bench.products(kernels, count, meters);
        bench.others(kernels, count, meters);
        limits.add(
            new KernelSpeeds.Limits(count, meters.bestOperations, meters.read(SLICE_NANOS * 10L)));
      }
    }
    return new KernelSpeeds(backend, limits, bench.rows);
  }

  /// Measures the processor's limits on all threads at once.
  private static final class Meters implements AutoCloseable {
    private final ExecutorService others;
    private final int threads;
    private final MemorySegment memory;
    private double bestOperations;

    Meters(TensorArena arena, int threads) {
      this.threads = threads;
      this.others = Executors.newFixedThreadPool(threads);
      // Made by the backend, so that its pages are as large as those of weights.
      this.memory = arena.tensor((int) (COLD_BYTES / Float.BYTES / HIDDEN), HIDDEN).data();
    }

    /// Until the loops are compiled.
    void warmUp() throws InterruptedException {
      operations(LIMITS_WARM_UP_NANOS);
      read(LIMITS_WARM_UP_NANOS);
      bestOperations = 0;
    }

    /// Operations a nanosecond.
    double operations(long nanos) throws InterruptedException {
      double rate = together(_ -> FmaPeak::run, nanos);
      bestOperations = Math.max(bestOperations, rate);
      return rate;
    }

    /// Bytes a nanosecond.
    double read(long nanos) throws InterruptedException {
      long part = memory.byteSize() / threads / 64 * 64;
      return together(
          thread -> {
            MemorySegment own = memory.asSlice(thread * part, part);
            // A little at a time, so that a slice ends when it should.
            long piece = 1L << 20;
            long[] at = {0};
            return () -> {
              long from = at[0];
              at[0] = from + 2 * piece > part ? 0 : from + piece;
              return ReadBandwidth.run(own.asSlice(from, piece));
            };
          },
          nanos);
    }

    private double together(IntFunction<LongSupplier> work, long nanos)
        throws InterruptedException {
      List<Future<Double>> rates = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        LongSupplier own = work.apply(thread);
        rates.add(others.submit(() -> rate(own, nanos)));
      }
      double sum = 0;
      for (Future<Double> rate : rates) {
        try {
          sum += rate.get();
        } catch (ExecutionException e) {
          throw new IllegalStateException(e.getCause());
        }
      }
      return sum;
    }

    @Override
    public void close() {
      others.shutdownNow();
    }
  }

  /// Repeats `work` for at least `nanos`; returns what it returned in all, a nanosecond.
  private static double rate(LongSupplier work, long nanos) {
    long done = 0;
    long start = System.nanoTime();
    long now;
    do {
      done += work.getAsLong();
      now = System.nanoTime();
    } while (now - start < nanos);
    return (double) done / (now - start);
  }

  private void products(Kernels kernels, int threads, Meters meters) throws InterruptedException {
    for (int[] shape : SHAPES) {
      for (int tokens : plan.hot()) {
        product(kernels, threads, meters, shape, tokens, 1);
      }
      long bytes = (long) shape[0] * shape[1] * Float.BYTES;
      for (int tokens : plan.cold()) {
        product(kernels, threads, meters, shape, tokens, (int) (COLD_BYTES / bytes));
      }
    }
  }

  /// @param copies of the weights, used in turn
  private void product(
      Kernels kernels, int threads, Meters meters, int[] shape, int tokens, int copies)
      throws InterruptedException {
    int inputs = shape[0];
    int outputs = shape[1];
    try (TensorArena arena = kernels.arena()) {
      SplittableRandom random = new SplittableRandom(1);
      Tensor x = arena.tensor(numbers(random, tokens, inputs));
      Tensor y = arena.tensor(tokens, outputs);
      Tensor bias = arena.tensor(numbers(random, 1, outputs));
      HostTensor weights = numbers(random, outputs, inputs);
      PackedWeights[] packed = new PackedWeights[copies];
      for (int i = 0; i < copies; i++) {
        packed[i] = arena.pack(weights);
      }
      int[] next = {0};
      LongSupplier call =
          () -> {
            kernels.linear(x, packed[next[0]], bias, Activation.NONE, y);
            next[0] = (next[0] + 1) % copies;
            return 1;
          };
      boolean cold = copies > 1;
      measure(
          "linear",
          inputs + " to " + outputs,
          tokens,
          threads,
          cold ? "cold" : "hot",
          2.0 * tokens * inputs * outputs,
          cold ? (double) inputs * outputs * Float.BYTES : 0,
          call,
          meters);
    }
  }

  private void others(Kernels kernels, int threads, Meters meters) throws InterruptedException {
    for (int tokens : plan.hot()) {
      try (TensorArena arena = kernels.arena()) {
        SplittableRandom random = new SplittableRandom(1);
        Tensor packed = arena.tensor(numbers(random, tokens, 3 * HIDDEN));
        Tensor x = packed.columns(0, HIDDEN);
        Tensor y = arena.tensor(tokens, HIDDEN);
        Tensor wide = arena.tensor(tokens, WIDE);
        Tensor vector = arena.tensor(numbers(random, 1, HIDDEN));
        Norm norm = new Norm(Norm.Kind.LAYER, vector, vector, 1e-12f);
        PackedWeights narrow = arena.pack(numbers(random, WIDE, 1));
        Tensor scores = arena.tensor(numbers(random, HEADS * tokens, tokens));
        Indices offsets = arena.indices(2);
        kernels.upload(new int[] {0, tokens}, 2, offsets);
        String wideShape = String.valueOf(WIDE);
        String shape = String.valueOf(HIDDEN);
        measure(
            "attention",
            "one text, %d heads".formatted(HEADS),
            tokens,
            threads,
            null,
            4.0 * tokens * tokens * HIDDEN,
            0,
            () -> {
              kernels.attention(
                  x,
                  offsets,
                  packed.columns(HIDDEN, HIDDEN),
                  packed.columns(2 * HIDDEN, HIDDEN),
                  offsets,
                  HEADS,
                  y);
              return 1;
            },
            meters);
        measure(
            "norm",
            shape,
            tokens,
            threads,
            null,
            0,
            0,
            () -> {
              kernels.norm(x, norm, y);
              return 1;
            },
            meters);
        // A product of one multiply-add a number: what is left is the activation.
        measure(
            "gelu (erf)",
            wideShape,
            tokens,
            threads,
            null,
            0,
            0,
            () -> {
              kernels.linear(x.columns(0, 1), narrow, null, Activation.GELU_ERF, wide);
              return 1;
            },
            meters);
        measure(
            "softmax",
            "%d x %d".formatted(HEADS, tokens),
            tokens,
            threads,
            null,
            0,
            0,
            () -> {
              kernels.softmax(scores, scores);
              return 1;
            },
            meters);
      }
    }
  }

  /// @param operations of a call; 0 where they are no additions and multiplications
  /// @param bytes of cold weights that a call reads; 0 where they are hot
  private void measure(
      String operation,
      String shape,
      int tokens,
      int threads,
      @Nullable String weights,
      double operations,
      double bytes,
      LongSupplier call,
      Meters meters)
      throws InterruptedException {
    rate(call, WARM_UP_NANOS);
    double[] micros = new double[plan.slices()];
    double[] flops = new double[plan.slices()];
    double[] read = new double[plan.slices()];
    double[] share = new double[plan.slices()];
    for (int i = 0; i < plan.slices(); i++) {
      double peak = operations > 0 ? meters.operations(LIMIT_NANOS) : 0;
      double bandwidth = bytes > 0 ? meters.read(LIMIT_NANOS) : 0;
      double nanos = 1 / rate(call, SLICE_NANOS);
      peak = operations > 0 ? Math.max(peak, meters.operations(LIMIT_NANOS)) : 0;
      bandwidth = bytes > 0 ? Math.max(bandwidth, meters.read(LIMIT_NANOS)) : 0;
      micros[i] = nanos / 1e3;
      flops[i] = operations / nanos;
      read[i] = bytes / nanos;
      double least =
          Math.max(operations > 0 ? operations / peak : 0, bytes > 0 ? bytes / bandwidth : 0);
      share[i] = least / nanos;
    }
    KernelSpeeds.Row row =
        new KernelSpeeds.Row(
            operation,
            shape,
            tokens,
            threads,
            weights,
            Spread.of(micros),
            operations > 0 ? Spread.of(flops) : null,
            bytes > 0 ? Spread.of(read) : null,
            operations > 0 ? Spread.of(share) : null);
    rows.add(row);
    progress.accept(row);
  }

  private static HostTensor numbers(SplittableRandom random, int rows, int columns) {
    float[] numbers = new float[rows * columns];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = (float) random.nextDouble(-1, 1);
    }
    return HostTensor.of(numbers, rows, columns);
  }
}
