package dev.coffey.model.tokenize;

/// What to do with a text that has more tokens than the limit. Special tokens are never cut.
public enum Truncation {
  /// Refuse it with a [TooLongException].
  NONE,
  /// Keep its beginning; of a pair, shorten the longer text first, as Hugging Face's
  /// `longest_first`.
  RIGHT,
  /// Keep its end; of a pair, shorten the longer text first.
  LEFT
}
