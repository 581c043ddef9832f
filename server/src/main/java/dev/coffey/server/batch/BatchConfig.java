package dev.coffey.server.batch;

import java.time.Duration;

/// The batcher's settings; the keys are `batch.*` and `queue.*`.
///
/// @param maxTokens `batch.max-tokens`: tokens in a batch; 0 = measured when a model warms up. A
///   single longer text goes alone
/// @param maxTexts `batch.max-texts`: texts in a batch
/// @param maxDelay `batch.max-delay`: how long an idle device may wait for company to fill a batch;
///   0 = never
/// @param aging `batch.aging`: a request goes before one of the next higher priority that came this
///   much later
/// @param queueMaxTokens `queue.max-tokens`: tokens that may wait, per model; what is of lower
///   priority than an arriving request does not count against it
/// @param queueMaxRequests `queue.max-requests`: requests that may wait, per model, counted
///   likewise
/// @param faultLimit `batch.fault-limit`: failed batches of one model in a row until its health
///   turns bad
public record BatchConfig(
    int maxTokens,
    int maxTexts,
    Duration maxDelay,
    Duration aging,
    int queueMaxTokens,
    int queueMaxRequests,
    int faultLimit) {
  /// What holds where nothing is set: about 10 s of work on a small CPU, at most 1024 requests.
  public static final BatchConfig DEFAULT =
      new BatchConfig(0, 256, Duration.ZERO, Duration.ofSeconds(5), 65_536, 1024, 3);

  public BatchConfig {
    between("batch.max-tokens", maxTokens, 0, 1 << 24);
    between("batch.max-texts", maxTexts, 1, 1 << 16);
    between("batch.max-delay", maxDelay, Duration.ZERO, Duration.ofSeconds(10));
    between("batch.aging", aging, Duration.ofMillis(1), Duration.ofDays(1));
    between("queue.max-tokens", queueMaxTokens, 1, 1 << 30);
    between("queue.max-requests", queueMaxRequests, 1, 1 << 20);
    between("batch.fault-limit", faultLimit, 1, 1 << 20);
    if (queueMaxTokens < maxTokens) {
      throw new IllegalArgumentException(
          "queue.max-tokens = %d is below batch.max-tokens = %d: a full batch could never gather; raise the first or lower the second"
              .formatted(queueMaxTokens, maxTokens));
    }
  }

  private static <T extends Comparable<T>> void between(String key, T value, T least, T most) {
    if (value.compareTo(least) < 0 || value.compareTo(most) > 0) {
      throw new IllegalArgumentException(
          "%s = %s: must be from %s to %s".formatted(key, value, least, most));
    }
  }
}
