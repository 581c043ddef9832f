package dev.coffey.server.registry;

import java.time.Duration;

/// How models are warmed up.
///
/// @param warmUpLimit `warm-up.limit`: how long warming up one model may take; a model that is not
///   settled by then serves all the same, and the log says so
/// @param batchMaxTokens `batch.max-tokens`; 0 = measured. Warm-up batches grow no larger than this
/// @param batchMaxTexts `batch.max-texts`: memory is taken for so many
/// @param readyWhen `warm-up.ready-when`
public record RegistryConfig(
    Duration warmUpLimit, int batchMaxTokens, int batchMaxTexts, ReadyWhen readyWhen) {
  /// When a model answers its first request.
  public enum ReadyWhen {
    /// Once it is loaded: it warms up while it serves, and until then computes the same bits
    /// slower.
    LOADED,
    /// Once it is warm.
    WARM
  }

  /// A small model needs a second, a base-size model on a small CPU a few.
  public static final RegistryConfig DEFAULT =
      new RegistryConfig(Duration.ofSeconds(10), 0, 256, ReadyWhen.LOADED);

  /// A model is warm before it answers.
  public RegistryConfig(Duration warmUpLimit, int batchMaxTokens, int batchMaxTexts) {
    this(warmUpLimit, batchMaxTokens, batchMaxTexts, ReadyWhen.WARM);
  }

  public RegistryConfig {
    if (warmUpLimit.isNegative()
        || warmUpLimit.isZero()
        || warmUpLimit.compareTo(Duration.ofMinutes(10)) > 0) {
      throw new IllegalArgumentException(
          "warm-up.limit = %s: must be more than 0 and at most 10 minutes".formatted(warmUpLimit));
    }
    if (batchMaxTokens < 0) {
      throw new IllegalArgumentException(
          "batch.max-tokens = %d: must be 0 or more".formatted(batchMaxTokens));
    }
    if (batchMaxTexts < 1) {
      throw new IllegalArgumentException(
          "batch.max-texts = %d: must be 1 or more".formatted(batchMaxTexts));
    }
  }
}
