package dev.coffey.server.grpc;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// The threads on which requests are decoded and tokenized and responses are written. Netty's
/// threads only move bytes, the device's thread only computes.
///
/// Its queue is bounded by what is let in, not by refusing tasks: a call that began must be able to
/// go on. [#crowded] says when no more calls should begin; each open call has one task in the queue
/// at most, and completions of the batcher are bounded by the requests admitted.
public final class HandlerPool implements Executor, AutoCloseable {
  private final ThreadPoolExecutor threads;
  private final int mostWaiting;

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

  /// Whether so many tasks wait that no call should begin.
  boolean crowded() {
    return threads.getQueue().size() >= mostWaiting;
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
