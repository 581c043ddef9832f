package dev.coffey.model.tokenize;

/// Which text of a pair gives way where both are too long together. Of a text alone it is always
/// that text.
public enum PairCut {
  /// The longer one first, as Hugging Face's `longest_first`. For windows, which move over one text
  /// only: the longer one; of equals, the second.
  LONGEST_FIRST,
  /// The first; the second stays whole.
  ONLY_FIRST,
  /// The second; the first stays whole.
  ONLY_SECOND
}
