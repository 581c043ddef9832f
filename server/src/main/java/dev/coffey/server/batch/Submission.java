package dev.coffey.server.batch;

import java.util.concurrent.CompletableFuture;

/// One admitted request. Ends exactly once: with a result, or with one of
/// [dev.coffey.server.failure.InferenceException].
public interface Submission {
  /// Completed on the batcher's executor, or on a device thread if the answer is small and nothing
  /// waits: what hangs on it must not block. Cancelling this future cancels nothing: call
  /// [#cancel()].
  CompletableFuture<BatchResult> result();

  /// Ends the request with `Cancelled`; what of it was not yet cut into a batch is dropped. From
  /// any thread.
  ///
  /// @return false if it had ended already
  boolean cancel();
}
