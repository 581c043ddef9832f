package dev.coffey.server.registry;

import dev.coffey.model.BatchLimits;
import dev.coffey.server.batch.BatchCost;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.batch.WarmUp;
import dev.coffey.server.batch.WarmUp.Sample;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/// Runs a model until its kernels are compiled, then measures what batches of growing size cost.
///
/// The compiler is done when rounds of one small and one larger batch stop getting faster: each of
/// the last [#CALM] took nearly as long as the best before. Then sizes double until that gains
/// little, or a batch takes so long that waiting for it would hurt more than the gain helps; and
/// all of them are measured again, in turns.
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

  /// A text's tokens where nothing is compiled yet, to learn how slow that is: a model of base size
  /// computes 16 of them in a quarter of a second, and the first request waits for both.
  private static final int PROBE_TOKENS = 4;

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

  /// Times that each size is measured at least, if there is time; the fastest run counts, as the
  /// least disturbed. In turns, since a neighbour stays for many batches: sizes measured one after
  /// the other gave budgets from 32 to 4096 tokens for one model on one machine.
  private static final int PASSES = 3;

  /// How long that goes on at least: longer than a neighbour's stay, or a container's pause for
  /// having used up its share (100 ms).
  private static final Duration LEAST_MEASURED = Duration.ofMillis(250);

  /// After so long the sizes are known well enough.
  private static final Duration MOST_MEASURED = Duration.ofMillis(1200);

  /// Doublings in a row that gain little end the search: one may have been disturbed.
  private static final int FLAT = 2;

  /// A doubling that gains less than this gains little: the smallest batch within 5 % of the peak
  /// is wanted.
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
    return new WarmUpRun(batch, ticker, maxTokens, limit, mostTokens(budget)).run();
  }

  private static int mostTokens(int budget) {
    return budget == 0 ? LARGEST_TOKENS : Math.min(budget, LARGEST_TOKENS);
  }

  /// The largest batches that warming up a model brings, if it reads texts of ordinary length.
  ///
  /// @param budget the largest batch that will ever run; 0 if that is to be measured
  static BatchLimits most(int budget) {
    int tokens = mostTokens(budget);
    return new BatchLimits(tokens, Math.max(1, tokens / LENGTH));
  }

  /// What holds of a model that is served before it is warm, by two short batches: it is too slow
  /// yet for a measurement of sizes, and its batches are kept short, as it is slow. What batches
  /// cost is then learned from those that run.
  static WarmUp beforeIt(TimedBatch batch, int maxTokens, int budget) {
    int tokens = Math.min(PROBE_TOKENS, maxTokens);
    // The first of all loads classes.
    long first = batch.nanos(1, tokens);
    long nanos = Math.min(first, batch.nanos(1, tokens));
    BatchCost cost = BatchCost.measured(tokens, nanos);
    long fitting =
        Math.clamp(cost.tokensWithin(LONG_BATCH.toNanos()), SMALLEST_TOKENS, USUAL_TOKENS);
    return new WarmUp(budget == 0 ? (int) fitting : (int) Math.min(budget, fitting), cost);
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
    long began = ticker.nanoTime();
    NavigableMap<Integer, Long> fastest = new TreeMap<>();
    for (int pass = 0; pass < PASSES || since(began) < LEAST_MEASURED.toNanos(); pass++) {
      climb(fastest);
      for (Map.Entry<Integer, Long> size : fastest.entrySet()) {
        boolean outOfTime = deadline - ticker.nanoTime() < 2 * fastest.lastEntry().getValue();
        if (outOfTime || since(began) > MOST_MEASURED.toNanos()) {
          return samples(fastest);
        }
        size.setValue(Math.min(size.getValue(), run(size.getKey())));
      }
    }
    return samples(fastest);
  }

  private long since(long moment) {
    return ticker.nanoTime() - moment;
  }

  /// Adds sizes, each twice the one before, as long as that may pay by what is known now.
  private void climb(NavigableMap<Integer, Long> fastest) {
    if (fastest.isEmpty()) {
      add(Math.min(SMALLEST_TOKENS, mostTokens), fastest);
    }
    while (mayPay(fastest)) {
      add(fastest.lastKey() * 2, fastest);
    }
  }

  private void add(int tokens, NavigableMap<Integer, Long> fastest) {
    // The first batch of a size takes the memory that it needs.
    var _ = run(tokens);
    fastest.put(tokens, run(tokens));
  }

  private boolean mayPay(NavigableMap<Integer, Long> fastest) {
    int tokens = fastest.lastKey();
    long nanos = fastest.lastEntry().getValue();
    boolean outOfTime = deadline - ticker.nanoTime() < 6 * nanos;
    if (tokens * 2 > mostTokens || nanos > LONG_BATCH.toNanos() || outOfTime) {
      return false;
    }
    return tokens < LEAST_SEARCHED || flat(fastest) < FLAT;
  }

  /// How many of the largest sizes gained little.
  private int flat(NavigableMap<Integer, Long> fastest) {
    double best = 0;
    int flat = 0;
    for (Sample sample : samples(fastest)) {
      double throughput = sample.tokens() / (double) sample.nanos();
      flat = throughput > best * GAIN ? 0 : flat + 1;
      best = Math.max(best, throughput);
    }
    return flat;
  }

  private List<Sample> samples(NavigableMap<Integer, Long> fastest) {
    List<Sample> samples = new ArrayList<>();
    fastest.forEach((tokens, nanos) -> samples.add(new Sample(actual(tokens), nanos)));
    return samples;
  }

  /// What a batch of about `tokens` really has.
  private int actual(int tokens) {
    return texts(tokens) * textTokens(tokens);
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
