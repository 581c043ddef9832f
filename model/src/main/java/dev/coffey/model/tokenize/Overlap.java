package dev.coffey.model.tokenize;

/// How many tokens neighbouring windows of a text have in common.
///
/// @param tokens at least 0
/// @param shrinks whether half of what fits a window is taken where that is less: for a default.
///   Otherwise a window that does not hold more than the overlap is refused, as it would not move
///   on
public record Overlap(int tokens, boolean shrinks) {
  public Overlap {
    if (tokens < 0) {
      throw new IllegalArgumentException("an overlap of " + tokens + " tokens; expected 0 or more");
    }
  }

  /// So many tokens or a refusal.
  public static Overlap exactly(int tokens) {
    return new Overlap(tokens, false);
  }

  /// So many tokens, or half of what a window holds where that is no more.
  public static Overlap upTo(int tokens) {
    return new Overlap(tokens, true);
  }

  /// The overlap of windows that hold `room` tokens of the text.
  ///
  /// @throws IllegalArgumentException if such windows would not move on
  int within(int room) {
    if (tokens < room) {
      return tokens;
    }
    if (!shrinks) {
      throw new IllegalArgumentException(
          "an overlap of %d tokens, but a window holds %d tokens of the text: ask for an overlap below that"
              .formatted(tokens, room));
    }
    return room / 2;
  }
}
