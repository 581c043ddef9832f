package dev.coffey.server.batch;

/// What a batch of n tokens costs the device: `fixedNanos + n·nanosPerToken`. Without padding the
/// cost of encoder batches is close to this line; attention's square of the length bends it a
/// little, and the line follows the mix of lengths that is being served.
public record BatchCost(double fixedNanos, double nanosPerToken) {
  public BatchCost {
    // Written so that NaN is refused too.
    if (!(fixedNanos >= 0) || !(nanosPerToken >= 0) || fixedNanos + nanosPerToken <= 0) {
      throw new IllegalArgumentException(
          "batch cost: fixed %s ns, %s ns a token (none may be negative, one must be positive)"
              .formatted(fixedNanos, nanosPerToken));
    }
  }

  /// The cost where one batch of `tokens` took `nanos`, all of it put down to the tokens.
  public static BatchCost measured(int tokens, long nanos) {
    return new BatchCost(0, Math.max(1, nanos) / (double) Math.max(1, tokens));
  }

  /// This cost, `factor` times over.
  BatchCost times(double factor) {
    return new BatchCost(fixedNanos * factor, nanosPerToken * factor);
  }

  /// Nanoseconds for one batch of `tokens`.
  public long batchNanos(long tokens) {
    return (long) (fixedNanos + tokens * nanosPerToken);
  }

  /// Nanoseconds for `tokens` in batches of up to `maxTokens`; 0 for none.
  public long nanos(long tokens, int maxTokens) {
    long batches = Math.ceilDiv(tokens, (long) maxTokens);
    return (long) (batches * fixedNanos + tokens * nanosPerToken);
  }

  /// The tokens of the largest batch done within `nanos`; 0 if not even an empty one is.
  public long tokensWithin(long nanos) {
    double left = nanos - fixedNanos;
    return left <= 0 ? 0 : (long) (left / Math.max(nanosPerToken, 1e-9));
  }
}
