package dev.coffey.server.grpc;

import dev.coffey.server.registry.ModelHandle;

/// Segment ("token type") ids of a text's tokens: 0 for the first text, 1 for the second of a pair.
final class Segments {
  private Segments() {}

  /// What a client's ids must be below. At least 2: tokenizers of DistilBERT's kind make them,
  /// although it reads none.
  static int limit(ModelHandle handle) {
    return Math.max(2, handle.model().tokenTypes());
  }
}
