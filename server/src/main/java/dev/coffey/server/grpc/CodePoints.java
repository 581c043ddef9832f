package dev.coffey.server.grpc;

/// Pieces of a text by code point. Keeps its place, so that pieces in the text's order cost one
/// pass over it together.
final class CodePoints {
  private final String text;
  private int codePoint;
  private int index;

  CodePoints(String text) {
    this.text = text;
  }

  /// The piece from code point `start` to `end` (exclusive).
  String piece(int start, int end) {
    int from = index(start);
    return text.substring(from, index(end));
  }

  private int index(int target) {
    index = text.offsetByCodePoints(index, target - codePoint);
    codePoint = target;
    return index;
  }
}
