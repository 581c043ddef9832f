package dev.coffey.model.encoder;

import dev.coffey.kernels.Tensor;

/// An encoder together with the memory for its activations. Used by the device's owner thread only.
public interface ForwardPass {
  /// Runs the encoder over `batch` and returns the last hidden state of its selected rows, (rows,
  /// H), in memory that the next call overwrites. Rows that are not selected are not computed in
  /// the last layer; the selected ones have the same bits either way.
  Tensor run(RaggedBatch batch, LayerListener listener);
}
