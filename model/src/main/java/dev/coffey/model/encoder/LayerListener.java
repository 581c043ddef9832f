package dev.coffey.model.encoder;

import dev.coffey.kernels.Tensor;

/// Sees the activations as they are made, for tests that compare them layer by layer.
@FunctionalInterface
public interface LayerListener {
  /// Listens to nothing.
  LayerListener NONE = (_, _) -> {};

  /// `name` is Hugging Face's: `embeddings` after the embeddings' norm, `hidden_states.i` after
  /// layer i, counted from 1. `rows` is valid during the call only; the last layer shows the
  /// selected rows.
  void layer(String name, Tensor rows);
}
