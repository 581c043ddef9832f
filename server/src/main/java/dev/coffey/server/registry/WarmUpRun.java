package dev.coffey.server.registry;

import dev.coffey.server.batch.BatchCost;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.batch.WarmUp;
import dev.coffey.server.batch.WarmUp.Sample;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Runs a model until its kernels are compiled, then measures what batches of growing size cost.
///
/// The compiler is done when rounds of one small and one larger batch stop getting faster: each of
/// the last [#CALM] took nearly as long as the best before. Then sizes double until a batch gains
/// little on the one of half its size, or takes so long that waiting for it would hurt more than
/// the gain helps.
final class WarmUpRun {
  /// Runs one batch of `texts` texts of `length` tokens on the device and says how long it took.
  interface TimedBatch {
    long nanos(int texts, int length);
  }

  /// How a warm-up went.
  ///
  /// @param settled false if the time limit came before the batches stopped getting faster
  record Outcome(WarmUp warmUp, boolean settled, int batches, long nanos) {}

  /// Tokens of a text: an ordinary sentence.
  private static final int LENGTH = 32;

  /// A round's batches: few rows and many, since kernels for the two differ.
  private static final int FEW_TOKENS = 16;

  private static final int MANY_TOKENS = 128;

  private static final int SMALLEST_TOKENS = 32;

  /// No CPU gains from a larger batch: the weights are read once for thousands of rows.
  private static final int LARGEST_TOKENS = 8192;

  /// The batch size of a device that could not be measured in time.
  private static final int USUAL_TOKENS = 512;

  /// What is assumed of it until then: between a small model and one of base size on a few cores.
  private static final BatchCost USUAL_COST = new BatchCost(0, 100_000);

  /// The search does not end before this size: on a busy machine one disturbed size would end it at
  /// 32 tokens.
  private static final int LEAST_SEARCHED = 256;

  /// So many rounds without news say that the compiler is done.
  private static final int CALM = 8;

  /// A round that is this much faster than all before is news.
  private static final double FASTER = 0.93;

  /// A first compilation takes this long to arrive even if all rounds until then look alike.
  private static final Duration LEAST = Duration.ofMillis(250);

  /// Runs of each size that is measured; the fastest counts, as the least disturbed.
  private static final int RUNS = 3;

  /// A doubling that gains less than this ends the search: the smallest batch within 5 % of the
  /// peak is wanted.
  private static final double GAIN = 1.05;

  /// A batch that takes longer ends the search: every request waits for the batch before it.
  private static final Duration LONG_BATCH = Duration.ofMillis(100);

  private final TimedBatch batch;
  private final Ticker ticker;
  private final int length;
  private final int mostTokens;
  private final long start;
  private final long deadline;
  private int batches;

  private WarmUpRun(
      TimedBatch batch, Ticker ticker, int maxTokens, Duration limit, int mostTokens) {
    this.batch = batch;
    this.ticker = ticker;
    this.length = Math.min(LENGTH, maxTokens);
    this.mostTokens = mostTokens;
    this.start = ticker.nanoTime();
    this.deadline = start + limit.toNanos();
  }

  /// Warms up a model that reads texts of up to `maxTokens` tokens.
  ///
  /// @param budget the largest batch that will ever run; 0 if that is to be measured
  static Outcome run(TimedBatch batch, Ticker ticker, int maxTokens, Duration limit, int budget) {
    int most = budget == 0 ? LARGEST_TOKENS : Math.min(budget, LARGEST_TOKENS);
    return new WarmUpRun(batch, ticker, maxTokens, limit, most).run();
  }

  private Outcome run() {
    boolean settled = settle();
    WarmUp warmUp = settled ? WarmUp.of(measure()) : guess();
    return new Outcome(warmUp, settled, batches, ticker.nanoTime() - start);
  }

  private boolean settle() {
    // The measurement needs some of the time too.
    long until = start + (deadline - start) / 4 * 3;
    long best = Long.MAX_VALUE;
    int calm = 0;
    while (true) {
      // Many rows first: their long loops are what the compiler notices soonest.
      long nanos = run(Math.min(MANY_TOKENS, mostTokens)) + run(Math.min(FEW_TOKENS, mostTokens));
      calm = nanos < best * FASTER ? 0 : calm + 1;
      best = Math.min(best, nanos);
      long now = ticker.nanoTime();
      if (calm >= CALM && now - start >= LEAST.toNanos()) {
        return true;
      }
      if (now - until >= 0) {
        return false;
      }
    }
  }

  /// Where the device is not at its speed yet, a measurement would set a size for good that fits
  /// only now, and a cost by which admission would refuse nearly everything. The first real batches
  /// correct the cost.
  private WarmUp guess() {
    return new WarmUp(Math.min(USUAL_TOKENS, mostTokens), USUAL_COST);
  }

  private List<Sample> measure() {
    List<Sample> samples = new ArrayList<>();
    double best = 0;
    for (int tokens = Math.min(SMALLEST_TOKENS, mostTokens); ; tokens *= 2) {
      long fastest = Long.MAX_VALUE;
      for (int i = 0; i < RUNS; i++) {
        fastest = Math.min(fastest, run(tokens));
      }
      int actual = texts(tokens) * textTokens(tokens);
      samples.add(new Sample(actual, fastest));
      double throughput = actual / (double) fastest;
      boolean gained = tokens < LEAST_SEARCHED || throughput > best * GAIN;
      best = Math.max(best, throughput);
      boolean outOfTime = deadline - ticker.nanoTime() < 2L * RUNS * fastest;
      if (!gained || fastest > LONG_BATCH.toNanos() || outOfTime || tokens * 2 > mostTokens) {
        return samples;
      }
    }
  }

  private long run(int tokens) {
    batches++;
    return Math.max(1, batch.nanos(texts(tokens), textTokens(tokens)));
  }

  private int texts(int tokens) {
    return Math.max(1, tokens / length);
  }

  private int textTokens(int tokens) {
    return Math.min(length, tokens);
  }
}
