package dev.coffey.model.tokenize;

/// A text as the model reads it.
///
/// @param ids token ids, specials included
/// @param types the segment of each token: 0, or 1 for the second text of a pair
/// @param cut how many tokens of the text were left out to stay within the limit
@SuppressWarnings("ArrayRecordComponent") // boxed ids would cost more than finding them
public record Encoding(int[] ids, int[] types, int cut) {
  public Encoding {
    if (ids.length != types.length) {
      throw new IllegalArgumentException(
          "encoding: %d ids but %d types".formatted(ids.length, types.length));
    }
  }

  /// Token ids that the caller made, with their specials, as a text of one segment. The array is
  /// not copied.
  ///
  /// @param vocabularySize ids must be below this: the rows of the model's embedding table
  /// @throws TooLongException if there are more than `maxTokens`: ids are never cut, as only the
  ///   caller knows which matter
  /// @throws IllegalArgumentException if there are none, or one is outside the vocabulary
  public static Encoding ofIds(int[] ids, int vocabularySize, int maxTokens) {
    if (ids.length == 0) {
      throw new IllegalArgumentException(
          "no token ids; give at least one, usually [CLS] … [SEP] with the special tokens");
    }
    if (ids.length > maxTokens) {
      throw new TooLongException(ids.length, maxTokens, "send fewer ids");
    }
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0 || ids[i] >= vocabularySize) {
        throw new IllegalArgumentException(
            "token id %d at place %d is not in the vocabulary; ids are 0 to %d"
                .formatted(ids[i], i, vocabularySize - 1));
      }
    }
    return new Encoding(ids, new int[ids.length], 0);
  }

  /// The same as a window of its text: what is not in it is in others.
  Encoding uncut() {
    return cut == 0 ? this : new Encoding(ids, types, 0);
  }

  /// The number of tokens that the model reads.
  public int tokens() {
    return ids.length;
  }
}
