package dev.coffey.server.batch;

import dev.coffey.model.BatchRunner;
import dev.coffey.server.batch.Decision.Drop;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// One model's place at a [Batcher]: what its requests wait in, and what they are computed by. Made
/// by [Batcher#register].
public final class ModelQueue {
  private final Batcher batcher;
  private final String name;
  private final Map<Integer, BatchRunner> runners;
  private volatile BatchPolicy policy;
  private final Ledger ledger;

  /// Guarded by the batcher's lock: set once the model is being unregistered, completed when it is
  /// out.
  @Nullable CompletableFuture<Void> leaving;

  /// A request that still has texts in the lines was ended by someone else than the queues' holder.
  volatile boolean endedInLine;

  /// Guarded by the batcher's lock.
  private CostMeter meter;

  // The queues' holder's from here on.
  private final List<NavigableSet<PendingRequest>> lines = new ArrayList<>();
  private final QueueView<PendingRequest> view;
  private long added;
  private long earliestDeadline = Ticker.NO_DEADLINE;
  int faultsInARow;
  boolean failed;

  ModelQueue(
      Batcher batcher,
      String name,
      Map<Integer, BatchRunner> runners,
      BatchPolicy policy,
      BatchCost cost,
      long now) {
    this.batcher = batcher;
    this.name = name;
    this.runners = Map.copyOf(runners);
    this.policy = policy;
    ledger = new Ledger(cost, now);
    meter = new CostMeter(cost);
    for (Priority _ : Priority.values()) {
      lines.add(new TreeSet<>(ModelQueue::byTurn));
    }
    view = new QueueView<>(lines);
  }

  /// The model's name, as in metrics and errors.
  public String name() {
    return name;
  }

  /// The token budget of its batches.
  public int maxTokens() {
    return policy.maxTokens();
  }

  /// Counters and gauges now. From any thread.
  public QueueStats stats() {
    return batcher.stats(this);
  }

  /// What a batch is expected to cost now. From any thread.
  public BatchCost cost() {
    return batcher.cost(this);
  }

  @Override
  public String toString() {
    return "ModelQueue[" + name + "]";
  }

  /// The model on one device.
  BatchRunner runner(int device) {
    return Objects.requireNonNull(runners.get(device));
  }

  BatchPolicy policy() {
    return policy;
  }

  Ledger ledger() {
    return ledger;
  }

  CostMeter meter() {
    return meter;
  }

  /// Starts anew with another batch size and cost. Under the batcher's lock.
  void tune(BatchPolicy newPolicy, BatchCost cost) {
    policy = newPolicy;
    meter = new CostMeter(cost);
  }

  QueueView<PendingRequest> view() {
    return view;
  }

  void add(PendingRequest request) {
    request.number = added++;
    lines.get(request.priority().level()).add(request);
    noteDeadline(request);
    // Whoever ended it on its way here may have raised the flag too early.
    endedInLine |= request.ended();
  }

  /// By difference, as the ticker's values may overflow. Equal turns in the order of their coming.
  private static int byTurn(PendingRequest one, PendingRequest other) {
    long later = one.turnNanos() - other.turnNanos();
    return later == 0 ? Long.compare(one.number, other.number) : Long.signum(later);
  }

  boolean isEmpty() {
    for (NavigableSet<PendingRequest> line : lines) {
      if (!line.isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /// What waits, in no particular order.
  List<PendingRequest> all() {
    List<PendingRequest> all = new ArrayList<>();
    lines.forEach(all::addAll);
    return all;
  }

  /// What waits and must be dropped wherever it stands; nearly always nothing, found out at once.
  List<Drop<PendingRequest>> sweep(long now) {
    if (!endedInLine && !Ticker.passed(earliestDeadline, now)) {
      return List.of();
    }
    // Lowered before the lines are read: what ends from now on raises it again.
    endedInLine = false;
    return policy.sweep(view, now);
  }

  /// Takes what was dropped or cut whole from the front of the lines.
  void removeLeaversAtFront() {
    for (NavigableSet<PendingRequest> line : lines) {
      while (!line.isEmpty() && line.first().leavesLine()) {
        var _ = line.pollFirst();
      }
    }
  }

  /// Likewise, from anywhere in them.
  void removeLeavers() {
    earliestDeadline = Ticker.NO_DEADLINE;
    for (NavigableSet<PendingRequest> line : lines) {
      line.removeIf(PendingRequest::leavesLine);
      line.forEach(this::noteDeadline);
    }
  }

  private void noteDeadline(PendingRequest request) {
    long deadline = request.deadlineNanos();
    // By difference, as the ticker's values may overflow.
    if (earliestDeadline == Ticker.NO_DEADLINE
        || (deadline != Ticker.NO_DEADLINE && deadline - earliestDeadline < 0)) {
      earliestDeadline = deadline;
    }
  }
}
