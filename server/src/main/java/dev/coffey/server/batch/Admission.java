package dev.coffey.server.batch;

import java.util.Arrays;
import java.util.List;

/// Decides whether a request may join its model's queue: whole or not at all. Pure.
///
/// A refusal costs the server microseconds and tells the caller now; a request let in that can't be
/// answered in time costs the device's time, or the caller's. So the estimate errs towards refusing
/// when there is a queue, and never refuses by a stale estimate when the device is idle.
///
/// The bounds count what waits at the request's own priority or a higher one: a flood of LOW must
/// not shut HIGH out. So up to three times the bound may wait, where all three priorities flood.
record Admission(int queueMaxTokens, int queueMaxRequests) {
  /// The expected time until the answer is multiplied by this, or by more where waits are seen to
  /// exceed what was expected of them ([Overrun]). Under overload the queue stands at `1/caution`
  /// of the deadline; in the simulation 1.1 lost up to 4 % of the compute to requests that expired
  /// meanwhile (deadlines of 100 ms, batches of 10 ms, pauses of 30 ms) where 1.25 lost 2 %, at the
  /// same goodput.
  static final double CAUTION = 1.25;

  /// One wait in fifty may be longer. The queue never stands at less than half of a deadline: that
  /// keeps the device busy as long as a deadline allows for two batches.
  static Overrun caution() {
    return new Overrun(0.98, CAUTION, CAUTION, 2);
  }

  /// An idle device's estimate that is older is tried again by the next request, whatever it says:
  /// it may have been a pause, and only a batch can correct it.
  static final long STALE_NANOS = 1_000_000_000L;

  private static final long LEAST_RETRY_NANOS = 1_000_000;

  /// For each nanosecond of device time that a request asks for, it stands back so many for
  /// requests that come later and ask for less, as far as its deadline leaves room. In the
  /// simulation texts of 16 tokens beside ones of 512 that take half of the compute had a p99 of
  /// 914 ms with 0, 816 with 1, 574 with 2 and 296 with 4; that of the long ones, 258 ms of work,
  /// went from 1066 to 1305.
  private static final int STANDS_BACK = 4;

  /// And no longer than this: work for a minute is not to wait for five.
  private static final long MOST_STANDS_BACK_NANOS = 2_000_000_000L;

  /// What waits for one model.
  ///
  /// @param tokensAhead tokens that wait at the arrival's priority or a higher one
  /// @param requestsAhead requests that do
  /// @param tokens all that wait
  /// @param maxTokens of a batch
  /// @param measuredNanosAgo age of the cost
  /// @param caution what an expected time is multiplied by
  record Backlog(
      long tokensAhead,
      int requestsAhead,
      long tokens,
      int maxTokens,
      BatchCost cost,
      long measuredNanosAgo,
      double caution) {}

  sealed interface Verdict {}

  /// Welcome; its answer is expected in `expectedNanos`, and `standsBackNanos` later if others come
  /// for whom it stands back. `probe`: it is computed even if it looks late.
  record Admit(long expectedNanos, long standsBackNanos, boolean probe) implements Verdict {}

  /// The model takes no requests any more. Never this record's own verdict.
  record Closed() implements Verdict {}

  /// The deadline has passed.
  record Passed() implements Verdict {}

  /// More than the queue ever holds.
  record TooLarge() implements Verdict {}

  record TooManyTokens(long retryNanos) implements Verdict {}

  record TooManyRequests(long retryNanos) implements Verdict {}

  record Unreachable(long estimateNanos, long retryNanos) implements Verdict {}

  /// @param tokens of the arriving request
  /// @param leftNanos until its deadline; [Long#MAX_VALUE] if it has none
  /// @param own its model's backlog
  /// @param others the other models' backlogs; their shares come in between
  /// @param busy for each device, what is under way on it is expected to take yet
  Verdict decide(long tokens, long leftNanos, Backlog own, List<Backlog> others, long[] busy) {
    if (leftNanos <= 0) {
      return new Passed();
    }
    if (tokens > queueMaxTokens) {
      return new TooLarge();
    }
    long over = own.tokensAhead() + tokens - queueMaxTokens;
    if (over > 0) {
      return new TooManyTokens(retry(start(busy, nanos(over, own, others))));
    }
    if (own.requestsAhead() >= queueMaxRequests) {
      long perRequest = own.tokensAhead() / own.requestsAhead();
      return new TooManyRequests(retry(start(busy, nanos(perRequest, own, others))));
    }
    long all = filled(tokens, own);
    long last = own.cost().batchNanos(lastBatch(all, own.maxTokens()));
    long expected = start(busy, nanos(all, own, others) - last) + last;
    long estimate = (long) (own.caution() * expected);
    if (estimate <= leftNanos) {
      long room = (long) (leftNanos / own.caution()) - expected;
      long standsBack = STANDS_BACK * own.cost().nanos(tokens, own.maxTokens());
      return new Admit(
          expected, Math.clamp(room, 0, Math.min(standsBack, MOST_STANDS_BACK_NANOS)), false);
    }
    boolean idle =
        start(busy, 0) == 0 && own.tokens() == 0 && others.stream().allMatch(o -> o.tokens() == 0);
    if (idle && own.measuredNanosAgo() > STALE_NANOS) {
      return new Admit(expected, 0, true);
    }
    return new Unreachable(estimate, retry(estimate - leftNanos));
  }

  /// Where there is a queue, the last batch will be filled up by those who come later.
  private static long filled(long tokens, Backlog own) {
    long all = own.tokensAhead() + tokens;
    return own.tokensAhead() == 0
        ? all
        : Math.ceilDiv(all, (long) own.maxTokens()) * own.maxTokens();
  }

  private static long lastBatch(long tokens, int maxTokens) {
    return tokens - (Math.ceilDiv(tokens, (long) maxTokens) - 1) * maxTokens;
  }

  /// When a device is free for what comes behind `aheadNanos` of work, each batch of which goes to
  /// the device that is free first.
  static long start(long[] busy, long aheadNanos) {
    long[] rising = busy.clone();
    Arrays.sort(rising);
    long level = rising[0];
    long left = aheadNanos;
    for (int devices = 1; devices < rising.length; devices++) {
      long room = devices * (rising[devices] - level);
      if (left < room) {
        return level + left / devices;
      }
      left -= room;
      level = rising[devices];
    }
    return level + left / rising.length;
  }

  /// The device time until `tokens` of `own` are computed: each other model gets as many tokens
  /// meanwhile, and a batch more if it goes first.
  private static long nanos(long tokens, Backlog own, List<Backlog> others) {
    long nanos = own.cost().nanos(tokens, own.maxTokens());
    for (Backlog other : others) {
      long share = Math.min(other.tokens(), tokens + other.maxTokens());
      nanos += other.cost().nanos(share, other.maxTokens());
    }
    return nanos;
  }

  private static long retry(long nanos) {
    return Math.max(LEAST_RETRY_NANOS, nanos);
  }
}
