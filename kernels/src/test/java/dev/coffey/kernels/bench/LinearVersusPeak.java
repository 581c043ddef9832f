package dev.coffey.kernels.bench;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cpu.VectorProvider;
import dev.coffey.kernels.peak.FmaPeak;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
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
        double near = Math.max(before, after);
        ratios[i] = rates[i] / near;
        peak = Math.max(peak, near);
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
}
