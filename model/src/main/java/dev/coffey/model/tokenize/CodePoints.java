package dev.coffey.model.tokenize;

/// Pieces of a text by code point. Keeps its place, so that pieces in the text's order cost one
/// pass over it together. Not for several threads at once.
public final class CodePoints {
  private final String text;
  private int codePoint;
  private int index;

  public CodePoints(String text) {
    this.text = text;
  }

  /// The piece from code point `start` to `end` (exclusive).
  public String piece(int start, int end) {
    int from = index(start);
    return text.substring(from, index(end));
  }

  /// The bytes that a code point takes in UTF-8.
  public static int utf8Length(int codePoint) {
    return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
  }

  private int index(int target) {
    index = text.offsetByCodePoints(index, target - codePoint);
    codePoint = target;
    return index;
  }
}
