package dev.coffey.server.batch;

import dev.coffey.server.batch.Decision.Cause;
import dev.coffey.server.batch.Decision.Cut;
import dev.coffey.server.batch.Decision.Drop;
import dev.coffey.server.batch.Decision.Nothing;
import dev.coffey.server.batch.Decision.Slice;
import dev.coffey.server.batch.Decision.WaitUntil;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Decides which texts make the next batch. A pure function of (queue view, now, cost of a batch).
///
/// - Order: by `turn + level·aging`, level 0 for HIGH, 1 for NORMAL, 2 for LOW. So HIGH goes before
///   NORMAL unless NORMAL has waited `aging` longer, and everything is served some time. The key
///   does not change while a request waits: three lines in order of their turns are merged by it. A
///   turn is the arrival, put back by what the request costs ([Admission.Admit]): who asks for
///   little need not wait for all of a long text, and nobody is put back for ever.
/// - Cut: texts in that order until one does not fit. None is skipped to fit a smaller one behind
///   it: without padding a batch that is not quite full costs almost nothing. A text larger than
///   the whole budget goes alone.
/// - Deadlines: what can't be ready in time is dropped before it costs anything. A batch does not
///   grow beyond what its most urgent request allows.
/// - Work-conserving: with `maxDelayNanos` 0 something is cut whenever something waits.
record BatchPolicy(int maxTokens, int maxTexts, long maxDelayNanos, long agingNanos) {
  /// When the device takes the batch.
  ///
  /// @param startsAt when it is expected to begin it: now, or when what is under way has ended
  /// @param cutBy until when a batch that is not full is left to grow: sooner, there is no use in
  ///   having it ready
  record Opening(long startsAt, long cutBy) {
    /// Of an idle device.
    static Opening at(long now) {
      return new Opening(now, now);
    }
  }

  /// What of the queue must be ended for itself, wherever it stands.
  <R extends Waiting> List<Drop<R>> sweep(QueueView<R> view, long now) {
    List<Drop<R>> drops = new ArrayList<>();
    for (Collection<R> line : view.lines()) {
      for (R request : line) {
        Cause cause = gone(request, now);
        if (cause != null) {
          drops.add(new Drop<>(request, cause));
        }
      }
    }
    return drops;
  }

  /// The next batch, and those found on the way that must be dropped.
  <R extends Waiting> Decision<R> decide(
      QueueView<R> view, long now, Opening opening, BatchCost cost) {
    List<Drop<R>> drops = new ArrayList<>();
    List<Slice<R>> slices = new ArrayList<>();
    Merge<R> merge = new Merge<>(view, agingNanos);
    int tokens = 0;
    int texts = 0;
    long budget = maxTokens;
    boolean full = false;
    long startBy = Ticker.NO_DEADLINE;
    for (R request = merge.next(); request != null && !full; request = merge.next()) {
      Cause cause = gone(request, now);
      if (cause == null && late(request, opening.startsAt(), cost, tokens)) {
        cause = Cause.LATE;
      }
      if (cause != null) {
        drops.add(new Drop<>(request, cause));
        continue;
      }
      int from = request.nextText();
      int to = from;
      int sliceTokens = 0;
      long deadline = request.deadlineNanos();
      long allowed =
          deadline == Ticker.NO_DEADLINE || request.probe()
              ? maxTokens
              : cost.tokensWithin(deadline - opening.startsAt());
      for (; to < request.texts(); to++) {
        int length = request.tokens(to);
        if (texts > 0 && (texts == maxTexts || tokens + length > budget)) {
          full = true;
          break;
        }
        sliceTokens += length;
        tokens += length;
        texts++;
      }
      if (to > from) {
        slices.add(new Slice<>(request, from, to, sliceTokens));
        budget = Math.min(budget, Math.max(allowed, tokens));
        startBy = earlier(startBy, startBy(request, now, cost), now);
      }
    }
    if (slices.isEmpty()) {
      return new Decision<>(drops, new Nothing<>());
    }
    full |= tokens >= budget || texts >= maxTexts;
    if (!full) {
      long until = maxDelayNanos > 0 ? later(startBy, opening.cutBy(), now) : opening.cutBy();
      if (!Ticker.passed(until, now)) {
        return new Decision<>(drops, new WaitUntil<>(until));
      }
    }
    return new Decision<>(drops, new Cut<>(slices, tokens, texts));
  }

  private static @Nullable Cause gone(Waiting request, long now) {
    if (request.ended()) {
      return Cause.ENDED;
    }
    return Ticker.passed(request.deadlineNanos(), now) ? Cause.EXPIRED : null;
  }

  /// Whether all that is left of the request can't be computed in time, were it next after `before`
  /// tokens: also where only its last batches would be late, since a part is of no use.
  private boolean late(Waiting request, long startsAt, BatchCost cost, int before) {
    long left = Ticker.left(request.deadlineNanos(), startsAt);
    return !request.probe() && cost.nanos(before + request.tokensLeft(), maxTokens) > left;
  }

  /// Until when the batch may wait for company on this request's account.
  private long startBy(Waiting request, long now, BatchCost cost) {
    long patience = request.arrivalNanos() + maxDelayNanos;
    long deadline = request.deadlineNanos();
    return deadline == Ticker.NO_DEADLINE
        ? patience
        : earlier(patience, deadline - cost.batchNanos(maxTokens), now);
  }

  private static long earlier(long one, long other, long now) {
    return Ticker.left(one, now) <= Ticker.left(other, now) ? one : other;
  }

  private static long later(long one, long other, long now) {
    return earlier(one, other, now) == one ? other : one;
  }

  /// The lines merged by `turn + level·aging`; at the same key the higher priority is first.
  private static final class Merge<R extends Waiting> {
    private final List<Iterator<R>> lines = new ArrayList<>();
    private final List<@Nullable R> heads = new ArrayList<>();
    private final long agingNanos;

    Merge(QueueView<R> view, long agingNanos) {
      this.agingNanos = agingNanos;
      for (Collection<R> line : view.lines()) {
        Iterator<R> requests = line.iterator();
        lines.add(requests);
        heads.add(requests.hasNext() ? requests.next() : null);
      }
    }

    @Nullable R next() {
      int best = -1;
      long bestKey = 0;
      for (int level = 0; level < heads.size(); level++) {
        R head = heads.get(level);
        if (head == null) {
          continue;
        }
        long key = head.turnNanos() + level * agingNanos;
        if (best < 0 || key - bestKey < 0) {
          best = level;
          bestKey = key;
        }
      }
      if (best < 0) {
        return null;
      }
      Iterator<R> line = lines.get(best);
      return heads.set(best, line.hasNext() ? line.next() : null);
    }
  }
}
