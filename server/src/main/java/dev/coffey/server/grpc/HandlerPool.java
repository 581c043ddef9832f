package dev.coffey.server.grpc;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/// The threads on which requests are decoded and tokenized and responses are written. Netty's
/// threads only move bytes, the device's thread only computes.
///
/// Its queue is bounded by what is let in, not by refusing tasks: a call that began must be able to
/// go on. [#crowded] says when no more calls should begin: it counts the calls that wait for their
/// first thread, and only them. What calls that began have in the queue says nothing of that, and
/// is bounded by their number: a task of its own for each, and a completion of the batcher.
public final class HandlerPool implements Executor, AutoCloseable {
  private final ThreadPoolExecutor threads;
  private final int mostWaiting;
  private final AtomicInteger waiting = new AtomicInteger();

  private HandlerPool(ThreadPoolExecutor threads, int mostWaiting) {
    this.threads = threads;
    this.mostWaiting = mostWaiting;
  }

  /// A pool whose threads start as they are needed. As many calls may wait as may be open.
  public static HandlerPool of(GrpcConfig config) {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            config.handlerThreads(),
            config.handlerThreads(),
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> new Handler(task, "coffey-handler-" + number.incrementAndGet()));
    return new HandlerPool(threads, config.maxCalls());
  }

  @Override
  public void execute(Runnable task) {
    threads.execute(task);
  }

  /// Whether so many calls wait for their first thread that no other should begin.
  boolean crowded() {
    return waiting.get() >= mostWaiting;
  }

  /// This pool for the tasks of one call, which is counted as waiting until its first task runs.
  Executor forCall() {
    AtomicBoolean begun = new AtomicBoolean();
    return task -> {
      if (!begun.compareAndSet(false, true)) {
        threads.execute(task);
        return;
      }
      waiting.incrementAndGet();
      threads.execute(() -> {
        waiting.decrementAndGet();
        task.run();
      });
    };
  }

  /// Whether the calling thread is one of some pool.
  static boolean onHandler() {
    return Thread.currentThread() instanceof Handler;
  }

  /// Ends the threads once they have done what waits, or after ten seconds.
  @Override
  public void close() {
    threads.shutdown();
    boolean interrupted = Thread.interrupted();
    try {
      if (!threads.awaitTermination(10, TimeUnit.SECONDS)) {
        var _ = threads.shutdownNow();
      }
    } catch (InterruptedException _) {
      var _ = threads.shutdownNow();
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static final class Handler extends Thread {
    Handler(Runnable task, String name) {
      super(null, task, name, 0, false);
      setDaemon(true);
    }
  }
}
