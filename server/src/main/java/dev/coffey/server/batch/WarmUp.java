package dev.coffey.server.batch;

import java.util.List;

/// What a model's warm-up measured: the batch size that pays, and what batches cost until real ones
/// have been measured.
///
/// @param maxTokens tokens in a batch: the smallest within 5 % of the best throughput, or a larger
///   one that takes no time worth saving
/// @param cost of a batch
public record WarmUp(int maxTokens, BatchCost cost) {
  /// A batch smaller than the best one is good enough if it has this share of the best throughput.
  private static final double GOOD_ENOUGH = 0.95;

  /// A batch that takes no longer is not worth making smaller: nobody notices the wait, and the
  /// smaller one may only have looked good because something disturbed the others.
  private static final long SHORT_BATCH_NANOS = 25_000_000;

  public WarmUp {
    if (maxTokens < 1) {
      throw new IllegalArgumentException(
          "warm-up: " + maxTokens + " tokens in a batch, at least 1");
    }
  }

  /// One warm-up batch: its size and its time on compiled kernels.
  public record Sample(int tokens, long nanos) {
    public Sample {
      if (tokens < 1 || nanos < 1) {
        throw new IllegalArgumentException(
            "warm-up sample: %d tokens in %d ns (at least 1 each)".formatted(tokens, nanos));
      }
    }

    double tokensPerNano() {
      return tokens / (double) nanos;
    }
  }

  /// Picks the batch size from batches of several sizes, and the cost from the same: the line
  /// through the smallest sample and the picked one.
  public static WarmUp of(List<Sample> samples) {
    double best = samples.stream().mapToDouble(Sample::tokensPerNano).max().orElseThrow();
    Sample picked = null;
    Sample brief = null;
    Sample smallest = null;
    for (Sample sample : samples) {
      boolean good = sample.tokensPerNano() >= GOOD_ENOUGH * best;
      if (good && (picked == null || sample.tokens() < picked.tokens())) {
        picked = sample;
      }
      if (sample.nanos() <= SHORT_BATCH_NANOS
          && (brief == null || sample.tokens() > brief.tokens())) {
        brief = sample;
      }
      if (smallest == null || sample.tokens() < smallest.tokens()) {
        smallest = sample;
      }
    }
    if (picked == null || smallest == null) {
      throw new IllegalArgumentException("warm-up: no samples");
    }
    if (brief != null && brief.tokens() > picked.tokens()) {
      picked = brief;
    }
    return new WarmUp(picked.tokens(), line(smallest, picked));
  }

  private static BatchCost line(Sample small, Sample large) {
    if (small.tokens() == large.tokens() || small.nanos() >= large.nanos()) {
      return BatchCost.measured(large.tokens(), large.nanos());
    }
    double slope = (large.nanos() - small.nanos()) / (double) (large.tokens() - small.tokens());
    double fixed = large.nanos() - slope * large.tokens();
    return fixed < 0
        ? BatchCost.measured(large.tokens(), large.nanos())
        : new BatchCost(fixed, slope);
  }
}
