package dev.coffey.server.registry;

import dev.coffey.server.batch.Ticker;
import dev.coffey.server.batch.WarmUp;
import dev.coffey.server.batch.WarmUp.Sample;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/// Runs a model until its kernels are compiled, then measures what batches of growing size cost.
///
/// The compiler is done when a batch stops getting faster: each of the last [#CALM] runs took
/// nearly as long as the best of those before. The sizes double until the throughput has stopped
/// growing.
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

  /// Tokens of the batches that get the kernels compiled: enough rows that the many-row kernels
  /// run.
  private static final int SETTLING_TOKENS = 256;

  private static final int SMALLEST_TOKENS = 32;

  /// A batch beyond this gains nothing on any CPU: the weights are read once for thousands of rows.
  private static final int LARGEST_TOKENS = 8192;

  /// So many runs without news say that the compiler is done.
  private static final int CALM = 8;

  /// A run that is this much faster than all before is news.
  private static final double FASTER = 0.93;

  /// A first compilation takes this long to arrive even if all batches until then look alike.
  private static final Duration LEAST = Duration.ofMillis(250);

  /// Runs of each size that is measured; the fastest counts, as the least disturbed.
  private static final int RUNS = 3;

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
    List<Sample> samples = measure();
    return new Outcome(WarmUp.of(samples), settled, batches, ticker.nanoTime() - start);
  }

  private boolean settle() {
    // Half of the time at most: the measurement needs some too.
    long until = start + (deadline - start) / 2;
    int tokens = settlingTokens(until);
    long best = Long.MAX_VALUE;
    int calm = 0;
    while (true) {
      long nanos = run(tokens);
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

  /// The first batch is small: a slow device shows itself before a larger one would use up the
  /// time.
  private int settlingTokens(long until) {
    int small = Math.min(SMALLEST_TOKENS, mostTokens);
    int large = Math.min(SETTLING_TOKENS, mostTokens);
    long expected = run(small) * large / small;
    return ticker.nanoTime() + expected - until < 0 ? large : small;
  }

  private List<Sample> measure() {
    List<Sample> samples = new ArrayList<>();
    double best = 0;
    int withoutGain = 0;
    for (int tokens = Math.min(SMALLEST_TOKENS, mostTokens); tokens <= mostTokens; tokens *= 2) {
      long fastest = Long.MAX_VALUE;
      for (int i = 0; i < RUNS; i++) {
        fastest = Math.min(fastest, run(tokens));
      }
      int actual = texts(tokens) * length;
      samples.add(new Sample(actual, Math.max(1, fastest)));
      double throughput = actual / (double) fastest;
      // Within 5 % of the peak a smaller batch is preferred: two doublings that gain less end the
      // search.
      withoutGain = throughput > best * 1.05 ? 0 : withoutGain + 1;
      best = Math.max(best, throughput);
      boolean outOfTime = deadline - ticker.nanoTime() < 2L * RUNS * fastest;
      if (withoutGain == 2 || outOfTime) {
        break;
      }
    }
    return samples;
  }

  private long run(int tokens) {
    batches++;
    return batch.nanos(texts(tokens), length);
  }

  private int texts(int tokens) {
    return Math.max(1, tokens / length);
  }
}
