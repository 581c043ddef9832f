package dev.coffey.server.batch;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.ReentrantLock;

/// One device of a [Batcher]: who may use it, and what it is at.
///
/// What is under way ends in the order in which it began. All but [#owner] and [#tasks] is guarded
/// by the batcher's lock.
final class Device {
  /// What takes longer than expected is expected to take this share of its time yet.
  private static final int OVERDUE = 8;

  /// Work for the device's owner.
  record Task<T>(Callable<T> work, CompletableFuture<T> result) {}

  final int ordinal;
  final List<Lane> lanes = new ArrayList<>();

  /// Whoever holds it is the device's owner: begins a batch, or runs a task.
  final ReentrantLock owner = new ReentrantLock();

  /// What the device is to do while no batch is under way.
  final Queue<Task<?>> tasks = new ConcurrentLinkedQueue<>();

  /// Written under the lock.
  volatile boolean lost;

  /// What is expected of each thing under way, the oldest first.
  private final Deque<Long> expected = new ArrayDeque<>();

  private long expectedSum;

  /// How many things are under way.
  private volatile int underWay;

  /// When the oldest became the one that the device works at.
  private long since;

  /// @param inFlight batches that may be under way at once
  Device(int ordinal, int inFlight, String name) {
    this.ordinal = ordinal;
    for (int lane = 0; lane < inFlight; lane++) {
      lanes.add(new Lane(this, lane == 0 ? name : name + "-next"));
    }
  }

  /// Whether a batch could be begun now.
  boolean takesBatch() {
    return !lost && tasks.isEmpty() && expected.size() < lanes.size();
  }

  /// Whether this device should rather be asked than the other, as far as can be told without the
  /// lock.
  boolean before(Device other) {
    return lost == other.lost ? underWay < other.underWay : other.lost;
  }

  boolean idle() {
    return expected.isEmpty();
  }

  void began(long expectedNanos, long now) {
    if (expected.isEmpty()) {
      since = now;
    }
    expected.add(expectedNanos);
    expectedSum += expectedNanos;
    underWay = expected.size();
  }

  /// The oldest of what is under way has ended.
  ///
  /// @return how long the device worked at it
  long ended(long now) {
    expectedSum -= expected.remove();
    underWay = expected.size();
    long nanos = now - since;
    since = now;
    return nanos;
  }

  /// What all that is under way is expected to take yet; 0 only if there is nothing.
  long busyNanos(long now) {
    if (expected.isEmpty()) {
      return 0;
    }
    long oldest = expected.getFirst();
    return Math.max(oldest - (now - since), 1 + oldest / OVERDUE) + (expectedSum - oldest);
  }

  /// When all that is under way ought to have ended.
  long dueNanos(long now) {
    return expected.isEmpty() ? now : since + expectedSum;
  }
}
