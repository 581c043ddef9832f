package dev.coffey.model.task;

import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Overlap;
import dev.coffey.model.tokenize.PairCut;
import dev.coffey.model.tokenize.TokenizedText;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// How a text that may be longer than the model reads is brought to it.
public sealed interface TextFit {
  /// As one input, refused or cut if it is too long.
  record Whole(Truncation truncation) implements TextFit {}

  /// As overlapping windows, whose results are merged; one window if it fits.
  record Windows(Overlap overlap) implements TextFit {}

  /// Too long is refused.
  static TextFit refuse() {
    return new Whole(Truncation.NONE);
  }

  /// Windows that overlap by a quarter of `maxTokens`; by half of what a window holds of the text
  /// where that is no more.
  static TextFit windows(int maxTokens) {
    return new Windows(Overlap.upTo(maxTokens / 4));
  }

  /// A text, or a pair, as the model reads it: one encoding, or one for each window. In windows of
  /// a pair the longer text moves and the other stays.
  ///
  /// @throws dev.coffey.model.tokenize.TooLongException if it is too long and may not be cut
  /// @throws IllegalArgumentException if a text is no valid Unicode, or nothing fits
  default List<Encoding> encode(
      Tokenizer tokenizer, String text, @Nullable String pair, int maxTokens) {
    return switch (this) {
      case Whole(Truncation truncation) ->
          List.of(tokenizer.encode(text, pair, truncation, maxTokens));
      case Windows(Overlap overlap) ->
          tokenizer.encodeWindows(text, pair, PairCut.LONGEST_FIRST, overlap, maxTokens);
    };
  }

  /// As [#encode], with the place of each token.
  default List<TokenizedText> tokenize(
      Tokenizer tokenizer, String text, @Nullable String pair, int maxTokens) {
    return switch (this) {
      case Whole(Truncation truncation) ->
          List.of(tokenizer.tokenize(text, pair, true, truncation, maxTokens));
      case Windows(Overlap overlap) ->
          tokenizer.tokenizeWindows(text, pair, PairCut.LONGEST_FIRST, overlap, maxTokens);
    };
  }
}
