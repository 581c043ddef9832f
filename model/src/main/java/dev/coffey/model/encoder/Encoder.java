package dev.coffey.model.encoder;

import dev.coffey.kernels.TensorArena;

/// A stack of transformer layers with its weights on a device: token ids in, one hidden state a row
/// out.
public interface Encoder {
  /// H: the width of a hidden state.
  int hiddenSize();

  /// How many positions there are: the longest text that can be read.
  int maxPositions();

  /// How many token ids there are.
  int vocabularySize();

  /// How many segments (token types) there are; 1 where the family has none, and then they are not
  /// read.
  int tokenTypes();

  /// Takes the memory that batches of up to `maxTokens` tokens need from `arena`, so that running
  /// them takes none.
  ForwardPass plan(TensorArena arena, int maxTokens);
}
