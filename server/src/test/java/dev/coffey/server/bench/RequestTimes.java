package dev.coffey.server.bench;

import java.util.Arrays;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/// How long requests took. From any thread.
final class RequestTimes {
  private final Queue<Long> nanos = new ConcurrentLinkedQueue<>();

  void add(long each) {
    nanos.add(each);
  }

  /// In milliseconds; NaN if there are none.
  double quantile(double share) {
    long[] sorted = nanos.stream().mapToLong(each -> each).toArray();
    Arrays.sort(sorted);
    return sorted.length == 0 ? Double.NaN : sorted[(int) (share * (sorted.length - 1))] / 1e6;
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%d: p50 %.1f ms, p90 %.1f ms, p99 %.1f ms, longest %.1f ms",
        nanos.size(),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(1));
  }
}
