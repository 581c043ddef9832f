package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;

/// What holds for any text. Both tokenizers live as long as the test process.
class TokenizerProperties {
  private static final int NO_LIMIT = Integer.MAX_VALUE;
  private static final Tokenizer FROM_JSON = Fixtures.open("builtin", "tokenizer.json");
  private static final Tokenizer FROM_VOCAB = Fixtures.open("builtin", "vocab.txt");

  @Property(tries = 500)
  void tokenize_anyText_isTheSameFromBothFiles(
      @ForAll("texts") String text, @ForAll("texts") String pair) {
    assertThat(FROM_VOCAB.tokenize(text, pair, true, Truncation.NONE, NO_LIMIT).tokens())
        .isEqualTo(FROM_JSON.tokenize(text, pair, true, Truncation.NONE, NO_LIMIT).tokens());
  }

  @Property(tries = 500)
  void tokenize_anyText_bytesAndCodePointsNameTheSamePart(@ForAll("texts") String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    for (Token token : FROM_JSON.tokenize(text, null, true, Truncation.NONE, NO_LIMIT).tokens()) {
      assertThat(
              new String(
                  bytes,
                  token.byteStart(),
                  token.byteEnd() - token.byteStart(),
                  StandardCharsets.UTF_8))
          .isEqualTo(
              text.substring(
                  text.offsetByCodePoints(0, token.start()),
                  text.offsetByCodePoints(0, token.end())));
    }
  }

  @Property(tries = 300)
  void encode_cut_keepsSpecialsAndCountsTheRest(
      @ForAll("texts") String text,
      @ForAll("texts") String pair,
      @ForAll @IntRange(min = 3, max = 40) int limit,
      @ForAll boolean left) {
    Encoding whole = FROM_JSON.encode(text, pair, Truncation.NONE, NO_LIMIT);
    Encoding cut = FROM_JSON.encode(text, pair, left ? Truncation.LEFT : Truncation.RIGHT, limit);
    assertThat(cut.tokens()).isEqualTo(Math.min(limit, whole.tokens()));
    assertThat(cut.cut()).isEqualTo(whole.tokens() - cut.tokens());
    assertThat(cut.ids()[0]).isEqualTo(2);
    assertThat(cut.ids()[cut.tokens() - 1]).isEqualTo(3);
  }

  /// Words, marks and specials mixed with any code points but surrogates.
  @Provide
  static Arbitrary<String> texts() {
    Arbitrary<String> known =
        Arbitraries.of(
            "the film",
            "Unbelievable",
            "É",
            "e\u0301",
            "\u0301",
            "中",
            "ﬁ",
            "İ",
            "😀",
            "\u200d",
            "[SEP]",
            "[MASK]",
            "[",
            "]",
            "##s",
            "'",
            " ",
            "  ",
            "\n",
            "\u00a0",
            "\u0000",
            "\ufffd",
            "x");
    Arbitrary<String> any =
        Arbitraries.integers()
            .between(0, Character.MAX_CODE_POINT)
            .filter(c -> c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE)
            .map(Character::toString);
    return Arbitraries.oneOf(known, any).list().ofMaxSize(30).map(parts -> String.join("", parts));
  }
}
