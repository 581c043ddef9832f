package dev.coffey.server.grpc;

import dev.coffey.server.registry.ModelHandle;

/// Segment ("token type") ids of a text's tokens: 0 for the first text, 1 for the second of a pair.
final class Segments {
  private Segments() {}

  /// What a client's ids must be below. 2 where the model reads none: tokenizers of DistilBERT's
  /// kind make them all the same.
  static int limit(ModelHandle handle) {
    int types = handle.model().tokenTypes();
    return types == 0 ? 2 : types;
  }
}
