package dev.coffey.kernels.bench;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.cpu.VectorProvider;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.LongSupplier;

/// The SIMD backend's fp32 `linear` on the shapes of DistilBERT-base, against the FMA peak of the
/// same core in the same run, and on two threads against one. `tools/bench linear [ROWS,...]`.
///
/// One core: peak, linear and peak in turns of 3, 6 and 3 ms of the thread's own CPU time, each
/// ratio against the higher of its two peaks. Two threads: wall-clock time in turns, on a quiet
/// machine. Weights are hot as far as the caches hold them: a shape runs over and over.
public final class LinearVersusPeak {
  private static final int[][] SHAPES = {{768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  private static final int[] ROWS = {1, 16, 128, 384, 1024};
  private static final int SLICES = 60;
  private static final double MILLI = 1e6;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private LinearVersusPeak() {}

  public static void main(String[] arguments) {
    int[] rows =
        arguments.length == 0
            ? ROWS
            : Arrays.stream(arguments[0].split(",")).mapToInt(Integer::parseInt).toArray();
    try (Kernels one = new VectorProvider().open(new KernelsOptions(1));
        Kernels two = new VectorProvider().open(new KernelsOptions(2))) {
      System.out.println(one.description());
      Slices.rate(FmaPeak::run, 500 * MILLI, System::nanoTime);
      System.out.println(
          "    M     K     N |  of peak: median   p90 | GFLOP/s median   p90   peak |"
              + " 2 threads / 1: median   p90");
      for (int m : rows) {
        for (int[] shape : SHAPES) {
          System.out.println(measure(one, two, m, shape[0], shape[1]));
        }
      }
    }
  }

  private static String measure(Kernels one, Kernels two, int m, int k, int n) {
    try (Linear alone = new Linear(one, m, k, n);
        Linear both = new Linear(two, m, k, n)) {
      LongSupplier cpu = THREADS::getCurrentThreadCpuTime;
      Slices.rate(alone, 600 * MILLI, cpu);
      double[] rates = new double[SLICES];
      double[] ratios = new double[SLICES];
      double peak = 0;
      for (int i = 0; i < SLICES; i++) {
        double before = Slices.rate(FmaPeak::run, 3 * MILLI, cpu);
        rates[i] = Slices.rate(alone, 6 * MILLI, cpu);
        double after = Slices.rate(FmaPeak::run, 3 * MILLI, cpu);
        ratios[i] = rates[i] / Math.max(before, after);
        peak = Math.max(peak, Math.max(before, after));
      }
      double[] gains = new double[SLICES];
      Slices.rate(both, 200 * MILLI, System::nanoTime);
      for (int i = 0; i < SLICES; i++) {
        double single = Slices.rate(alone, 5 * MILLI, System::nanoTime);
        gains[i] = Slices.rate(both, 5 * MILLI, System::nanoTime) / single;
      }
      return "%5d %5d %5d | %16.2f %5.2f | %14.1f %5.1f %6.1f | %21.2f %5.2f"
          .formatted(
              m,
              k,
              n,
              Slices.quantile(ratios, 0.5),
              Slices.quantile(ratios, 0.9),
              Slices.quantile(rates, 0.5),
              Slices.quantile(rates, 0.9),
              peak,
              Slices.quantile(gains, 0.5),
              Slices.quantile(gains, 0.9));
    }
  }

  /// One product with its memory; a call computes it and returns its floating-point operations.
  private static final class Linear implements LongSupplier, AutoCloseable {
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
}
