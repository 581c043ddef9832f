package dev.coffey.kernels.cpu;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// The threads of one CPU backend. One thread owns the pool and calls [#run]; it takes part in the
/// work itself, so a pool of `n` threads starts `n − 1`. Which thread gets which chunk is left to
/// chance: results must not depend on it.
///
/// Chunks are claimed one by one from a shared counter. A thread whose core was taken away holds up
/// the one chunk it is in, and a thread that is late holds up nothing. A worker without work spins
/// for [#SPIN_NANOS], since the next operation of a forward pass comes within microseconds, and
/// then parks: an idle pool uses no CPU.
final class WorkerPool implements AutoCloseable {
  /// A piece of work in numbered chunks. `worker` is in `[0, threads)` and belongs to one thread at
  /// a time.
  @FunctionalInterface
  interface Work {
    void run(int chunk, int worker);
  }

  /// Waking a parked thread costs about 50 µs; spinning for as long costs no more than that once
  /// per burst of work.
  private static final long SPIN_NANOS = 50_000;

  private static final int SPINS_PER_CLOCK_READ = 64;

  private static final Work NONE = (chunk, worker) -> {};

  private final List<Worker> workers = new ArrayList<>();

  /// Of each thread, by its index.
  private final List<Courtesy> courtesies = new ArrayList<>();

  /// `chunks << 32 | next`. A claim is a compare-and-set to `next + 1`. A successful claim holds
  /// the work open until the claimed chunk is counted in `remaining`, so `work` may be read after
  /// it, and no claim can reach past its own work.
  private final AtomicLong claims = new AtomicLong();

  private final AtomicInteger remaining = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private volatile Work work = NONE;
  private volatile @Nullable Thread waitingOwner;
  private volatile boolean closed;

  /// `name` begins the threads' names.
  WorkerPool(String name, int threads) {
    courtesies.add(Courtesy.ofThisMachine());
    for (int worker = 1; worker < threads; worker++) {
      courtesies.add(Courtesy.ofThisMachine());
      workers.add(new Worker(name + "-" + worker, worker));
    }
    workers.forEach(worker -> worker.thread.start());
  }

  /// How many threads compute, the owner included.
  int threads() {
    return workers.size() + 1;
  }

  /// Runs chunks 0 to `chunks − 1` and returns when all are done. If some throw, the others may be
  /// left out, and the first exception is thrown here.
  void run(int chunks, Work task) {
    if (closed) {
      throw new IllegalStateException("the worker pool is closed");
    }
    if (workers.isEmpty() || chunks <= 1) {
      for (int chunk = 0; chunk < chunks; chunk++) {
        task.run(chunk, 0);
        courtesies.getFirst().afterChunk();
      }
      return;
    }
    work = task;
    remaining.set(chunks);
    claims.set((long) chunks << 32);
    for (int i = 0; i < workers.size() && i < chunks - 1; i++) {
      workers.get(i).wake();
    }
    while (runClaimed(0)) {}
    awaitOthers();
    work = NONE;
    rethrow(failure.getAndSet(null));
  }

  /// Claims one chunk and runs it; false if none is left.
  private boolean runClaimed(int worker) {
    long claim = claims.get();
    int chunk = (int) claim;
    while (chunk < (int) (claim >>> 32)) {
      if (claims.compareAndSet(claim, claim + 1)) {
        try {
          if (failure.get() == null) {
            work.run(chunk, worker);
          }
        } catch (Throwable thrown) {
          failure.compareAndSet(null, thrown);
        }
        if (remaining.decrementAndGet() == 0) {
          LockSupport.unpark(waitingOwner);
        }
        courtesies.get(worker).afterChunk();
        return true;
      }
      claim = claims.get();
      chunk = (int) claim;
    }
    return false;
  }

  private void awaitOthers() {
    long parkAt = System.nanoTime() + SPIN_NANOS;
    for (int spins = 1; remaining.get() > 0; spins++) {
      Thread.onSpinWait();
      if (spins % SPINS_PER_CLOCK_READ == 0 && System.nanoTime() - parkAt > 0) {
        waitingOwner = Thread.currentThread();
        while (remaining.get() > 0) {
          LockSupport.park(this);
        }
        waitingOwner = null;
      }
    }
  }

  private static void rethrow(@Nullable Throwable thrown) {
    switch (thrown) {
      case null -> {}
      case RuntimeException exception -> throw exception;
      case Error error -> throw error;
      default -> throw new IllegalStateException("a worker failed", thrown);
    }
  }

  /// Ends the threads and waits for them.
  @Override
  public void close() {
    closed = true;
    workers.forEach(worker -> LockSupport.unpark(worker.thread));
    boolean interrupted = false;
    for (Worker worker : workers) {
      while (worker.thread.isAlive()) {
        try {
          worker.thread.join();
        } catch (InterruptedException _) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Worker implements Runnable {
    private final int index;
    private final Thread thread;
    private volatile boolean parked;

    Worker(String name, int index) {
      this.index = index;
      this.thread = Thread.ofPlatform().daemon().name(name).unstarted(this);
    }

    /// To be called after `claims` was set: a worker sets `parked` before it looks at `claims` for
    /// the last time, so either it sees the work or it is seen here.
    void wake() {
      if (parked) {
        LockSupport.unpark(thread);
      }
    }

    @Override
    public void run() {
      while (!closed) {
        while (runClaimed(index)) {}
        awaitWork();
      }
    }

    private void awaitWork() {
      long parkAt = System.nanoTime() + SPIN_NANOS;
      for (int spins = 1; !closed && !claimable(); spins++) {
        Thread.onSpinWait();
        if (spins % SPINS_PER_CLOCK_READ == 0 && System.nanoTime() - parkAt > 0) {
          parked = true;
          while (!closed && !claimable()) {
            LockSupport.park(WorkerPool.this);
          }
          parked = false;
          return;
        }
      }
    }

    private boolean claimable() {
      long claim = claims.get();
      return (int) claim < (int) (claim >>> 32);
    }
  }
}
