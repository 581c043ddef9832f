package dev.coffey.server.batch;

/// The time that the batcher lives by, so that tests can make their own.
@FunctionalInterface
public interface Ticker {
  /// The machine's monotonic clock.
  Ticker SYSTEM = System::nanoTime;

  /// A deadline that never passes.
  long NO_DEADLINE = Long.MAX_VALUE;

  /// Nanoseconds since some fixed moment, never going back. As with [System#nanoTime()], only the
  /// difference of two values means something, and the value may overflow.
  long nanoTime();

  /// Whether `deadline` lies at or before `now`.
  static boolean passed(long deadline, long now) {
    return deadline != NO_DEADLINE && deadline - now <= 0;
  }

  /// Nanoseconds from `now` to `deadline`, negative if it passed, [Long#MAX_VALUE] if there is
  /// none.
  static long left(long deadline, long now) {
    return deadline == NO_DEADLINE ? Long.MAX_VALUE : deadline - now;
  }
}
