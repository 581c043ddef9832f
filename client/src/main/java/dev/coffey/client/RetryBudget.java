package dev.coffey.client;

/// Keeps retries from multiplying the load on a server that is already in trouble: the throttle of
/// gRFC A6. Each failure that could be retried takes one of ten tokens, each success gives a tenth
/// back, and retries stop while no more than half are left. Thread-safe.
final class RetryBudget {
  private static final int SCALE = 10;
  private static final int MAX = 10 * SCALE;

  private int tenths = MAX;

  /// Notes a failure. Whether it may be retried.
  synchronized boolean spend() {
    tenths = Math.max(0, tenths - SCALE);
    return tenths > MAX / 2;
  }

  /// Notes a success.
  synchronized void earn() {
    tenths = Math.min(MAX, tenths + 1);
  }
}
