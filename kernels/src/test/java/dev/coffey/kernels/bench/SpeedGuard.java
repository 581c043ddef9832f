package dev.coffey.kernels.bench;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cpu.VectorProvider;
import dev.coffey.kernels.peak.FmaPeak;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/// A program that prints `of peak: r`, the best share of the FMA peak that `linear` reached on one
/// core, with the rows of the second argument. Stops early at the share of the first. A JVM of its
/// own, as the JIT sees a constant species only where one width is in use.
final class SpeedGuard {
  private static final double MILLI = 1e6;
  private static final int TRIES = 300;

  // Until then the peak's own loop may not be compiled.
  private static final int LEAST_TRIES = 60;

  private SpeedGuard() {}

  public static void main(String[] arguments) {
    double enough = Double.parseDouble(arguments[0]);
    int rows = Integer.parseInt(arguments[1]);
    LongSupplier cpu = ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime;
    try (Kernels kernels = new VectorProvider().open(new KernelsOptions(1));
        Linear linear = new Linear(kernels, rows, 768, 768)) {
      Slices.rate(FmaPeak::run, 200 * MILLI, cpu);
      Slices.rate(linear, 300 * MILLI, cpu);
      double peak = 0;
      double best = 0;
      for (int i = 0; i < TRIES && (i < LEAST_TRIES || best < enough * peak); i++) {
        peak = Math.max(peak, Slices.rate(FmaPeak::run, 2 * MILLI, cpu));
        best = Math.max(best, Slices.rate(linear, 4 * MILLI, cpu));
      }
      System.out.println("of peak: " + best / peak);
    }
  }
}
