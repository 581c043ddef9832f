package dev.coffey.server.grpc;

import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// The threads on which requests are decoded and tokenized and responses are written. Netty's
/// threads only move bytes, the device's thread only computes.
///
/// Its queue is bounded by what the [Gate] lets in, not by refusing tasks: a call that began must
/// be able to go on. For each there is a task of its own in the queue at most, and a completion of
/// the batcher.
public final class HandlerPool implements Executor, AutoCloseable {
  private final ThreadPoolExecutor threads;

  private HandlerPool(ThreadPoolExecutor threads) {
    this.threads = threads;
  }

  /// A pool whose threads start as they are needed.
  public static HandlerPool of(GrpcConfig config) {
    AtomicInteger number = new AtomicInteger();
    ThreadPoolExecutor threads =
        new ThreadPoolExecutor(
            config.handlerThreads(),
            config.handlerThreads(),
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task ->
                Thread.ofPlatform()
                    .daemon()
                    .name("coffey-handler-" + number.incrementAndGet())
                    .unstarted(task));
    return new HandlerPool(threads);
  }

  @Override
  public void execute(Runnable task) {
    threads.execute(task);
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
}
