package dev.coffey.kernels.cpu;

import java.util.function.LongSupplier;

/// One computing thread's habit of stepping aside, between two chunks, for threads that wait for
/// its core.
///
/// What moves bytes and refuses requests runs for microseconds, but where all cores compute it may
/// wait for one until the kernel's timer ticks: a kernel need not preempt a thread for one that
/// wakes up. On a Linux 6.18 with ticks every 4 ms and two such threads, another waited 4.0 ms at
/// the median and 12 at the 90th percentile, whatever the threads' nice levels; 0.5 and 3.2 where
/// the two yielded every half millisecond. To yield where no one waits takes 0.3 µs.
///
/// Who waits may also be another process that computes, and keeps the core until the next tick.
/// After a yield that took so long the next one waits the longer: no more than `1/PATIENCE` of the
/// core is given away.
///
/// Not thread-safe.
final class Courtesy {
  private static final long EVERY_NANOS = 500_000;

  /// Who keeps the core longer computes.
  private static final long LONG_NANOS = 2_000_000;

  private static final int PATIENCE = 16;

  private final LongSupplier nanoTime;
  private final Runnable yield;
  private long next;

  Courtesy(LongSupplier nanoTime, Runnable yield) {
    this.nanoTime = nanoTime;
    this.yield = yield;
    next = nanoTime.getAsLong();
  }

  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it but others' waits
  static Courtesy ofThisMachine() {
    return new Courtesy(System::nanoTime, Thread::yield);
  }

  /// To be called between two pieces of work, by the thread that does them.
  void afterChunk() {
    long now = nanoTime.getAsLong();
    if (now - next < 0) {
      return;
    }
    yield.run();
    long after = nanoTime.getAsLong();
    long took = after - now;
    next = after + (took < LONG_NANOS ? EVERY_NANOS : PATIENCE * took);
  }
}
