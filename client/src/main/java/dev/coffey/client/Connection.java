package dev.coffey.client;

import io.grpc.ManagedChannel;
import java.util.concurrent.TimeUnit;

/// What all views of a client share: the channel, and the retry budget of the server behind it.
record Connection(String target, ManagedChannel channel, RetryPolicy retry, RetryBudget budget)
    implements AutoCloseable {
  /// Grace for calls that are open when the client is closed.
  private static final int CLOSE_SECONDS = 5;

  boolean isShutdown() {
    return channel.isShutdown();
  }

  @Override
  public void close() {
    channel.shutdown();
    try {
      if (!channel.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        channel.shutdownNow();
      }
    } catch (InterruptedException _) {
      channel.shutdownNow();
      Thread.currentThread().interrupt();
    }
  }
}
