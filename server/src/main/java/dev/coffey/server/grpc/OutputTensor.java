package dev.coffey.server.grpc;

import dev.coffey.model.Readout;

/// One output that a model offers over v2, and where its numbers stand in what the model computes.
///
/// @param name as Hugging Face calls it
/// @param readout what the model computes for it
/// @param shape of a text's part of it
/// @param firstColumn of the readout's matrix
/// @param columns of the readout's matrix, from `firstColumn` on
/// @param onRequest whether it is sent only where the request names it, since it is large
/// @param readsFirstToken whether it is computed from the first token of each text, which must then
///   not be left out
record OutputTensor(
    String name,
    Readout readout,
    Shape shape,
    int firstColumn,
    int columns,
    boolean onRequest,
    boolean readsFirstToken) {

  /// The shape of an output for n texts, the longest (or the input's width) s tokens wide.
  enum Shape {
    /// `[n, columns]`
    TEXT,
    /// `[n, s, columns]`
    TOKEN,
    /// `[n, s]`
    TOKEN_SCALAR
  }

  /// Numbers that one text takes in a response whose texts are `width` tokens wide.
  long numbersPerText(int width) {
    return switch (shape) {
      case TEXT -> columns;
      case TOKEN, TOKEN_SCALAR -> (long) width * columns;
    };
  }
}
