package dev.coffey.server.batch;

import org.jspecify.annotations.Nullable;

/// One of the batches that a [Device] may have under way at once, and the thread that cuts it,
/// begins it, waits for it and answers it.
final class Lane {
  final Device device;

  /// What its thread is called.
  final String name;

  /// Set before the thread starts; null where a test goes the lane's way.
  @Nullable Thread thread;

  /// Whether the thread sleeps, or is about to.
  volatile boolean parked;

  /// Whether this lane, and no other in its place, is to look at everything once more. That its
  /// thread was unparked would not do: waiting for a lock takes that away.
  volatile boolean called;

  /// Guarded by the batcher's lock: whether a batch or a task of the lane is under way.
  boolean busy;

  // The lane's thread's.
  @Nullable Flight flight;
  boolean left;

  Lane(Device device, String name) {
    this.device = device;
    this.name = name;
  }
}
