package dev.coffey.model.tokenize;

/// Where each code point of a text stands in its UTF-8.
final class Utf8Offsets {
  private final int[] byteOf;

  /// `text` must have no unpaired surrogates.
  Utf8Offsets(String text) {
    byteOf = new int[text.codePointCount(0, text.length()) + 1];
    int bytes = 0;
    int place = 0;
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      bytes += CodePoints.utf8Length(c);
      byteOf[++place] = bytes;
    }
  }

  /// The byte at which code point `place` begins; with the number of code points, the length in
  /// bytes.
  int at(int place) {
    return byteOf[place];
  }
}
