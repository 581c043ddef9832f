package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// What holds for any text. Both tokenizers live as long as the test process.
class AnyTextTest {
  private static final int NO_LIMIT = Integer.MAX_VALUE;
  private static final Tokenizer FROM_JSON = Fixtures.open("builtin", "tokenizer.json");
  private static final Tokenizer FROM_VOCAB = Fixtures.open("builtin", "vocab.txt");

  /// Words, marks and specials, as texts know them.
  private static final List<String> KNOWN =
      List.of(
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

  // Breaks if one file's normalizer treats a character otherwise than the other's.
  @Test
  void tokenize_anyText_isTheSameFromBothFiles() {
    for (long seed = 0; seed < 500; seed++) {
      Random random = new Random(seed);
      String text = anyText(random);
      String pair = anyText(random);
      assertThat(FROM_VOCAB.tokenize(text, pair, true, Truncation.NONE, NO_LIMIT).tokens())
          .as("seed %d: '%s', '%s'", seed, text, pair)
          .isEqualTo(FROM_JSON.tokenize(text, pair, true, Truncation.NONE, NO_LIMIT).tokens());
    }
  }

  // Breaks if places are counted in UTF-16 units, or a character of four bytes in three.
  @Test
  void tokenize_anyText_bytesAndCodePointsNameTheSamePart() {
    for (long seed = 0; seed < 500; seed++) {
      String text = anyText(new Random(seed));
      byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
      for (Token token : FROM_JSON.tokenize(text, null, true, Truncation.NONE, NO_LIMIT).tokens()) {
        assertThat(
                new String(
                    bytes,
                    token.byteStart(),
                    token.byteEnd() - token.byteStart(),
                    StandardCharsets.UTF_8))
            .as("seed %d: %s of '%s'", seed, token, text)
            .isEqualTo(
                text.substring(
                    text.offsetByCodePoints(0, token.start()),
                    text.offsetByCodePoints(0, token.end())));
      }
    }
  }

  // Breaks if a cut takes the specials at the ends, or counts them among what it left out.
  @Test
  void encode_cut_keepsSpecialsAndCountsTheRest() {
    for (long seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      String text = anyText(random);
      String pair = anyText(random);
      int limit = random.nextInt(3, 41);
      Truncation side = random.nextBoolean() ? Truncation.LEFT : Truncation.RIGHT;
      String told = "seed %d: '%s', '%s', %s to %d".formatted(seed, text, pair, side, limit);
      Encoding whole = FROM_JSON.encode(text, pair, Truncation.NONE, NO_LIMIT);
      Encoding cut = FROM_JSON.encode(text, pair, side, limit);
      assertThat(cut.tokens()).as(told).isEqualTo(Math.min(limit, whole.tokens()));
      assertThat(cut.cut()).as(told).isEqualTo(whole.tokens() - cut.tokens());
      assertThat(cut.ids()[0]).as(told).isEqualTo(2);
      assertThat(cut.ids()[cut.tokens() - 1]).as(told).isEqualTo(3);
    }
  }

  /// Up to 30 known parts, mixed with any code points but surrogates.
  private static String anyText(Random random) {
    StringBuilder text = new StringBuilder();
    int parts = random.nextInt(31);
    for (int i = 0; i < parts; i++) {
      if (random.nextBoolean()) {
        text.append(KNOWN.get(random.nextInt(KNOWN.size())));
      } else {
        text.appendCodePoint(anyCharacter(random));
      }
    }
    return text.toString();
  }

  /// Of all planes alike, and as often of the first 768: letters and marks are there.
  private static int anyCharacter(Random random) {
    int surrogates = Character.MAX_SURROGATE - Character.MIN_SURROGATE + 1;
    int place =
        random.nextInt(random.nextBoolean() ? 0x300 : Character.MAX_CODE_POINT + 1 - surrogates);
    return place < Character.MIN_SURROGATE ? place : place + surrogates;
  }
}
