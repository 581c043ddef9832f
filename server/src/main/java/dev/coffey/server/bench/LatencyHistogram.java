package dev.coffey.server.bench;

import java.util.concurrent.TimeUnit;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/// Times of requests, from any thread: an HDR histogram, so that a 99.9th percentile is right to
/// three digits however many there are.
public final class LatencyHistogram {
  private static final long LONGEST = TimeUnit.MINUTES.toNanos(10);
  private static final int DIGITS = 3;

  private final Histogram histogram = new ConcurrentHistogram(LONGEST, DIGITS);

  void add(long nanos) {
    histogram.recordValue(Math.clamp(nanos, 0, LONGEST));
  }

  /// What a share of the times is at or below, in milliseconds.
  ///
  /// @param count how many times there are; of none all are zero
  public record Percentiles(
      long count, double mean, double p50, double p90, double p99, double p999, double most) {}

  Percentiles percentiles() {
    return new Percentiles(
        histogram.getTotalCount(),
        histogram.getMean() / 1e6,
        millis(50),
        millis(90),
        millis(99),
        millis(99.9),
        millis(100));
  }

  private double millis(double percentile) {
    return histogram.getTotalCount() == 0 ? 0 : histogram.getValueAtPercentile(percentile) / 1e6;
  }
}
