package dev.coffey.server.batch;

/// Hears of batches as they end. Called by one device thread at a time, between two batches: count,
/// flip a flag, return; no I/O, no locks held long. What it throws is logged and ignored.
public interface BatchListener {
  /// Hears nothing.
  BatchListener NONE = new BatchListener() {};

  /// A batch was computed.
  default void batchComputed(ModelQueue queue, int tokens, int texts, long computeNanos) {}

  /// The model failed [BatchConfig#faultLimit()] batches in a row, or once with an [Error], or no
  /// device is left: it should not be shown as serving. The batcher still tries what comes.
  default void modelFailed(ModelQueue queue, Throwable cause) {}

  /// A batch succeeded after [#modelFailed].
  default void modelRecovered(ModelQueue queue) {}

  /// A device is lost for this process; nothing is computed on it any more.
  ///
  /// @param left how many devices go on; if none does, all requests are refused from now on
  default void deviceLost(int device, int left, Throwable cause) {}
}
