package dev.coffey.kernels.bench;

import java.util.Arrays;
import java.util.function.LongSupplier;

/// Work measured in slices of a few milliseconds, so that two things can be measured in turns: what
/// else runs on the machine then meets both alike.
final class Slices {
  private Slices() {}

  /// Repeats `work`, which returns its floating-point operations, for at least `nanos` of `clock`;
  /// returns operations a nanosecond.
  static double rate(LongSupplier work, double nanos, LongSupplier clock) {
    long operations = 0;
    long start = clock.getAsLong();
    long now;
    do {
      operations += work.getAsLong();
      now = clock.getAsLong();
    } while (now - start < nanos);
    return (double) operations / (now - start);
  }

  /// The value below which `part` of `values` lie.
  static double quantile(double[] values, double part) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[(int) Math.min(sorted.length - 1L, Math.round(part * (sorted.length - 1)))];
  }
}
