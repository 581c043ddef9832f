package dev.coffey.kernels.bench;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cpu.VectorProvider;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/// A program that prints `of peak: r`, the best share of the FMA peak that `linear` reached at 128
/// rows on one core. Stops early at the share given as the argument. A JVM of its own, as the JIT
/// sees a constant species only where one width is in use.
final class SpeedGuard {
  private static final double MILLI = 1e6;
  private static final int TRIES = 300;

  private SpeedGuard() {}

  public static void main(String[] arguments) {
    double enough = Double.parseDouble(arguments[0]);
    LongSupplier cpu = ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime;
    try (Kernels kernels = new VectorProvider().open(new KernelsOptions(1));
        Linear linear = new Linear(kernels, 128, 768, 768)) {
      Slices.rate(FmaPeak::run, 200 * MILLI, cpu);
      Slices.rate(linear, 300 * MILLI, cpu);
      double best = 0;
      for (int i = 0; i < TRIES && best < enough; i++) {
        double before = Slices.rate(FmaPeak::run, 2 * MILLI, cpu);
        double rate = Slices.rate(linear, 4 * MILLI, cpu);
        double after = Slices.rate(FmaPeak::run, 2 * MILLI, cpu);
        best = Math.max(best, rate / Math.max(before, after));
      }
      System.out.println("of peak: " + best);
    }
  }
}
