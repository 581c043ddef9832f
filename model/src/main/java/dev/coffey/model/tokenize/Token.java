package dev.coffey.model.tokenize;

/// One token of a text and where it stands there.
///
/// @param id its id in the vocabulary
/// @param piece the piece as the vocabulary writes it
/// @param type its segment: 0, or 1 for the second text of a pair
/// @param sequence which text it comes from: 0, or 1 for the second of a pair; -1 for a special
///   token that the tokenizer added
/// @param word the index of its word in that text; -1 for an added special
/// @param start its first code point in that text; 0 for an added special
/// @param end one past its last code point
/// @param byteStart its first byte in that text's UTF-8
/// @param byteEnd one past its last byte
public record Token(
    int id,
    String piece,
    int type,
    int sequence,
    int word,
    int start,
    int end,
    int byteStart,
    int byteEnd) {
  /// Whether the tokenizer added it. A special token that the text itself spells out is not one of
  /// these.
  public boolean special() {
    return sequence < 0;
  }
}
