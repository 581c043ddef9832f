package dev.coffey.server.batch;

/// Learns what a batch costs from those that ran: a line through (tokens, nanoseconds) by least
/// squares, recent batches weighing more. Two weaknesses of plain least squares are met:
/// - Batches of one size (full ones, under load) say nothing about the slope. The estimate leans on
///   the warm-up's line, scaled to pass through the mean: it keeps its shape, not its level. (To
///   lean on the last estimate would let noise pile up: after 200 full batches it was 33 % off at
///   64 tokens.)
/// - A pause (garbage collection, a neighbour on the machine) must not read as the new price. A
///   batch counts for at most [#CLIP] times what it was expected to take; a real change of speed
///   still gets through, in several batches.
///
/// Confined to one thread.
final class CostMeter {
  /// Weight of the past at each batch: a memory of about 20 batches, one to a few seconds under
  /// load.
  private static final double KEEP = 0.95;

  private static final double CLIP = 3;

  /// How far sizes must spread, as a share of their mean, for their slope to be believed as much as
  /// the warm-up's.
  private static final double SPREAD = 0.1;

  private final BatchCost prior;

  /// Nine batches of ten take no longer than [#cautious] says. More would make batches under
  /// deadlines small for the sake of rare pauses.
  private final Overrun overrun = new Overrun(0.9, 1.1, 1, 2);

  private BatchCost cost;
  private double weight;
  private double tokensSum;
  private double nanosSum;
  private double squareSum;
  private double productSum;

  CostMeter(BatchCost prior) {
    this.prior = prior;
    cost = prior;
  }

  /// What a batch takes on average.
  BatchCost cost() {
    return cost;
  }

  /// What a batch hardly exceeds: for promises of a time.
  BatchCost cautious() {
    return cost.times(overrun.factor());
  }

  void measured(int tokens, long measuredNanos) {
    double expected = cost.fixedNanos() + cost.nanosPerToken() * tokens;
    overrun.observed(Math.round(expected), measuredNanos);
    double nanos = Math.clamp((double) measuredNanos, expected / CLIP, expected * CLIP);
    weight = weight * KEEP + 1;
    tokensSum = tokensSum * KEEP + tokens;
    nanosSum = nanosSum * KEEP + nanos;
    squareSum = squareSum * KEEP + (double) tokens * tokens;
    productSum = productSum * KEEP + tokens * nanos;

    double meanTokens = tokensSum / weight;
    double meanNanos = nanosSum / weight;
    double variance = Math.max(0, squareSum / weight - meanTokens * meanTokens);
    double covariance = productSum / weight - meanTokens * meanNanos;
    double known =
        prior.nanosPerToken()
            * meanNanos
            / (prior.fixedNanos() + prior.nanosPerToken() * meanTokens);
    double lean = SPREAD * SPREAD * meanTokens * meanTokens;
    double slope = (covariance + lean * known) / (variance + lean);
    // Neither part of a real cost is negative; the line still passes through the mean.
    slope = Math.clamp(slope, 0, meanNanos / meanTokens);
    cost = new BatchCost(Math.max(0, meanNanos - slope * meanTokens), slope);
  }
}
