package dev.coffey.server.bench;

import java.util.SplittableRandom;

/// When the requests of an open loop are due: a Poisson process, as of many users who know nothing
/// of each other.
final class Arrivals {
  private final SplittableRandom random;
  private final double nanosBetween;
  private double due;

  /// @param rate requests a second on average
  Arrivals(double rate, long seed) {
    if (!(rate > 0 && rate <= 1e6)) {
      throw new IllegalArgumentException(
          "a rate of %s requests a second: must be above 0 and at most 1e6".formatted(rate));
    }
    this.random = new SplittableRandom(seed);
    this.nanosBetween = 1e9 / rate;
  }

  /// Nanoseconds from the start to the next arrival.
  long next() {
    due -= Math.log(1 - random.nextDouble()) * nanosBetween;
    return (long) due;
  }
}
