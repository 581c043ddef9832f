package dev.coffey.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// When a failed call is tried again: never more than `maxAttempts` times in all, never past the
/// call's deadline.
///
/// Tried again is what the server promises not to have begun: UNAVAILABLE, and RESOURCE_EXHAUSTED
/// where it says when to come back (RetryInfo or `grpc-retry-pushback-ms`). All calls of
/// [CoffeyClient] only read, so that a repeat is safe. The server's own delay is honoured and
/// lengthened by up to a fifth, so that clients refused together don't return together; without one
/// the delay is random up to `firstBackoff`, doubled each time up to `maxBackoff`.
public record RetryPolicy(int maxAttempts, Duration firstBackoff, Duration maxBackoff) {
  /// Four attempts, backing off from 100 ms to 5 s.
  public static final RetryPolicy STANDARD =
      new RetryPolicy(4, Duration.ofMillis(100), Duration.ofSeconds(5));

  /// Every failure goes to the caller at once.
  public static final RetryPolicy NONE =
      new RetryPolicy(1, Duration.ofMillis(1), Duration.ofMillis(1));

  public RetryPolicy {
    if (maxAttempts < 1 || maxAttempts > 100) {
      throw new IllegalArgumentException(
          "maxAttempts must be between 1 and 100, got " + maxAttempts);
    }
    if (firstBackoff.compareTo(Duration.ofMillis(1)) < 0
        || maxBackoff.compareTo(firstBackoff) < 0) {
      throw new IllegalArgumentException(
          "backoff must be at least 1 ms and rise, got %s to %s"
              .formatted(firstBackoff, maxBackoff));
    }
  }

  /// How long to wait after attempt number `attempt` (from 1) failed; empty to give up.
  Optional<Duration> delay(
      int attempt, CoffeyException failure, Duration timeLeft, RandomGenerator random) {
    if (attempt >= maxAttempts || failure.retryForbidden()) {
      return Optional.empty();
    }
    Optional<Duration> asked = failure.retryAfter();
    boolean again =
        switch (failure.code()) {
          case UNAVAILABLE -> true;
          case RESOURCE_EXHAUSTED -> asked.isPresent();
          default -> false;
        };
    if (!again) {
      return Optional.empty();
    }
    Duration delay =
        asked.map(base -> lengthened(base, random)).orElseGet(() -> backoff(attempt, random));
    return delay.compareTo(timeLeft) < 0 ? Optional.of(delay) : Optional.empty();
  }

  private static Duration lengthened(Duration base, RandomGenerator random) {
    return base.plusNanos((long) (base.toNanos() * 0.2 * random.nextDouble()));
  }

  private Duration backoff(int attempt, RandomGenerator random) {
    double limit =
        Math.min(firstBackoff.toNanos() * Math.pow(2, attempt - 1), (double) maxBackoff.toNanos());
    return Duration.ofNanos((long) (limit * random.nextDouble()));
  }

  static boolean isOutage(CoffeyException failure) {
    return failure.code() == Status.Code.UNAVAILABLE;
  }
}
