package dev.coffey.server.batch;

/// By how much things take longer than expected at worst, leaving out a small share of them: a high
/// quantile of actual by expected time, followed as it changes. One that is over raises the factor
/// by up to [#STEP]; each that is not lowers it so little that the two balance at the quantile.
///
/// A mean that is right promises nothing: half of what is promised by it comes late. How far the
/// times spread is the machine's doing (neighbours, clients on the same cores, collections), so it
/// is measured, not assumed.
///
/// Not thread-safe.
final class Overrun {
  /// From 1.1 to 1.4 within three or four misses.
  private static final double STEP = 0.08;

  private final double quantile;
  private final double least;
  private final double most;
  private double factor;

  /// @param quantile the share of things that shall take no longer than [#factor] says
  /// @param first the factor until something is known
  /// @param least the smallest factor
  /// @param most the largest: beyond, the expectation itself is wrong and will be mended
  Overrun(double quantile, double first, double least, double most) {
    this.quantile = quantile;
    this.least = least;
    this.most = most;
    factor = first;
  }

  /// What an expected time is to be multiplied by.
  double factor() {
    return factor;
  }

  void observed(long expectedNanos, long actualNanos) {
    boolean over = actualNanos > factor * expectedNanos;
    double change = over ? 1 + STEP * quantile : 1 - STEP * (1 - quantile);
    factor = Math.clamp(factor * change, least, most);
  }
}
