package dev.coffey.model.task;

import dev.coffey.model.tokenize.CodePoints;
import dev.coffey.model.tokenize.Token;

/// A piece of a text and where it stands.
///
/// @param text the piece as the text has it
/// @param start its first Unicode code point
/// @param end one past its last code point
/// @param startByte its first byte in the text's UTF-8
/// @param endByte one past its last byte
public record Span(String text, int start, int end, int startByte, int endByte) {
  /// From the start of one token to the end of another, or the same.
  static Span of(CodePoints text, Token first, Token last) {
    return new Span(
        text.piece(first.start(), last.end()),
        first.start(),
        last.end(),
        first.byteStart(),
        last.byteEnd());
  }
}
