package dev.coffey.model.tokenize;

/// A text has more tokens than it may have and was not to be cut. Has no stack trace: it is the
/// caller's input that is at fault, and refusing it should cost nothing.
public final class TooLongException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int tokens;
  private final int limit;

  TooLongException(int tokens, int limit, String remedy) {
    super(
        "%d tokens, specials included; the limit is %d: %s".formatted(tokens, limit, remedy),
        null,
        false,
        false);
    this.tokens = tokens;
    this.limit = limit;
  }

  /// How many tokens the text has, specials included.
  public int tokens() {
    return tokens;
  }

  /// How many it may have.
  public int limit() {
    return limit;
  }
}
