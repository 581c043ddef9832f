package dev.coffey.server.batch;

import dev.coffey.server.failure.InferenceException;
import java.util.Arrays;

/// The counts of one model's queue: what admission decides by and metrics show. Every field is
/// guarded by the batcher's lock, which is held for fractions of a microsecond: by a handler to
/// admit, by a device thread as a batch starts and ends.
final class Ledger {
  /// Why a request was not let in.
  enum Refusal {
    QUEUE_FULL,
    DEADLINE_UNREACHABLE,
    DEADLINE_PASSED,
    UNAVAILABLE,
    INVALID
  }

  /// Batches that a request must have been expected to wait for.
  private static final int LONG_WAIT = 2;

  private final long[] queuedTokens = new long[Priority.values().length];
  private final int[] queuedRequests = new int[Priority.values().length];
  private int queuedTexts;
  private int open;
  private long admitted;
  private long refusedQueueFull;
  private long refusedDeadlineUnreachable;
  private long refusedDeadlinePassed;
  private long refusedUnavailable;
  private long refusedInvalid;
  private long answered;
  private long expired;
  private long cancelled;
  private long faulted;
  private long abandoned;
  private long batches;
  private long batchTexts;
  private long batchTokens;
  private long computeNanos;
  private long computeNanosExpired;
  private long computeNanosExpiredDuring;
  private long computeNanosUnanswered;
  private BatchCost cost;
  private long measuredAt;
  private final Overrun caution = Admission.caution();

  Ledger(BatchCost cost, long now) {
    this.cost = cost;
    measuredAt = now;
  }

  BatchCost cost() {
    return cost;
  }

  int open() {
    return open;
  }

  long tokens() {
    long sum = 0;
    for (long each : queuedTokens) {
      sum += each;
    }
    return sum;
  }

  Admission.Backlog backlog(Priority priority, int maxTokens, long now) {
    long tokensAhead = 0;
    int requestsAhead = 0;
    for (int level = 0; level <= priority.level(); level++) {
      tokensAhead += queuedTokens[level];
      requestsAhead += queuedRequests[level];
    }
    return new Admission.Backlog(
        tokensAhead, requestsAhead, tokens(), maxTokens, cost, now - measuredAt, caution.factor());
  }

  void admitted(PendingRequest request) {
    admitted++;
    open++;
    queuedRequests[request.priority().level()]++;
    queuedTexts += request.texts();
    queuedTokens[request.priority().level()] += request.tokens();
  }

  void refused(Refusal cause) {
    switch (cause) {
      case QUEUE_FULL -> refusedQueueFull++;
      case DEADLINE_UNREACHABLE -> refusedDeadlineUnreachable++;
      case DEADLINE_PASSED -> refusedDeadlinePassed++;
      case UNAVAILABLE -> refusedUnavailable++;
      case INVALID -> refusedInvalid++;
    }
  }

  /// Texts of a request leave the queue, into a batch or dropped; `last` if none is left of it.
  void left(Priority priority, int texts, long tokens, boolean last) {
    queuedTexts -= texts;
    queuedTokens[priority.level()] -= tokens;
    if (last) {
      queuedRequests[priority.level()]--;
    }
  }

  void computed(int texts, int tokens, long nanos, long nanosExpired, long nanosExpiredDuring) {
    batches++;
    batchTexts += texts;
    batchTokens += tokens;
    computeNanos += nanos;
    computeNanosExpired += nanosExpired;
    computeNanosExpiredDuring += nanosExpiredDuring;
  }

  void measured(BatchCost newCost, long now) {
    cost = newCost;
    measuredAt = now;
  }

  /// A request ended and no batch holds it any more.
  void retired(PendingRequest request, long now) {
    open--;
    if (request.outcome() instanceof BatchResult) {
      answered++;
      waited(request, now);
      return;
    }
    computeNanosUnanswered += request.spentNanos();
    switch ((InferenceException) request.outcome()) {
      case InferenceException.DeadlineExceeded _ -> {
        expired++;
        // At least that long.
        long deadline = request.deadlineNanos();
        waited(request, Ticker.passed(deadline, now) ? now : deadline);
      }
      case InferenceException.Cancelled _ -> cancelled++;
      case InferenceException.DeviceFault _ -> faulted++;
      case null, default -> abandoned++;
    }
  }

  /// Learns how far waits exceed what was expected. Short ones say nothing: there a thread's
  /// wake-up is as long as the wait, and no deadline is as near.
  private void waited(PendingRequest request, long until) {
    long expected = request.expectedNanos();
    if (expected > LONG_WAIT * cost.batchNanos(request.queue().maxTokens())) {
      caution.observed(expected, until - request.arrivalNanos());
    }
  }

  QueueStats snapshot() {
    return new QueueStats(
        admitted,
        answered,
        expired,
        cancelled,
        faulted,
        abandoned,
        refusedQueueFull,
        refusedDeadlineUnreachable,
        refusedDeadlinePassed,
        refusedUnavailable,
        refusedInvalid,
        batches,
        batchTexts,
        batchTokens,
        computeNanos,
        computeNanosExpired,
        computeNanosExpiredDuring,
        computeNanosUnanswered,
        open,
        Arrays.stream(queuedRequests).sum(),
        queuedTexts,
        tokens());
  }
}
