package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// ALBERT's tokenizer from a SentencePiece model alone. `tokenize/albert/huggingface.json` holds
/// what transformers makes of the same texts; `make_albert.py` wrote it.
class AlbertTokenizerTest {
  private static final String FOLDER = "tokenize/albert";

  @TempDir Path temp;

  /// Breaks by a wrong score, unknown id, normalizer, order of normalizers, or added token.
  @ParameterizedTest
  @CsvSource({
    "spiece.model, alone",
    "spiece.model, cased",
    "spiece.model, no-prefix",
    "spiece.model, mask-takes-space",
    "spiece.model, mask-by-role",
    "tokenizer.json, alone"
  })
  void tokenize_anyText_equalsHuggingFace(String file, String name) throws IOException {
    JsonNode expected = Fixtures.json(FOLDER + "/huggingface.json").get(name);
    Path folder = Fixtures.folder(temp, FOLDER, List.of(file));
    Files.writeString(folder.resolve("tokenizer_config.json"), expected.get("config").toString());
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (JsonNode c : expected.get("cases")) {
        String text = c.get("text").textValue();
        String pair = Fixtures.textOrNull(c.get("pair"));
        TokenizedText found =
            tokenizer.tokenize(text, pair, true, Truncation.NONE, Integer.MAX_VALUE);
        assertThat(found.encoding().ids()).as(c.toString()).isEqualTo(Fixtures.ints(c.get("ids")));
        assertThat(found.encoding().types())
            .as(c.toString())
            .isEqualTo(Fixtures.ints(c.get("types")));
        List<List<Integer>> offsets = new ArrayList<>();
        c.get("offsets")
            .forEach(o -> offsets.add(List.of(o.get(0).intValue(), o.get(1).intValue())));
        assertThat(found.tokens().stream().map(t -> List.of(t.start(), t.end())).toList())
            .as(c.toString())
            .isEqualTo(offsets);
        assertThat(tokenizer.decode(found.encoding().ids(), true))
            .isEqualTo(c.get("decoded").textValue());
      }
    }
  }

  @Test
  void load_spiece_knowsItsSpecials() {
    try (Tokenizer tokenizer =
        Tokenizer.load(Fixtures.folder(temp, FOLDER, List.of("spiece.model")))) {
      assertThat(tokenizer.id(SpecialToken.PADDING)).hasValue(0);
      assertThat(tokenizer.id(SpecialToken.UNKNOWN)).hasValue(1);
      assertThat(tokenizer.id(SpecialToken.MASK)).hasValue(4);
      assertThat(tokenizer.marksSubwords()).isFalse();
    }
  }

  /// A file cut anywhere, or with bytes changed, is read or refused, never worse.
  @Test
  void load_brokenSpiece_isRefusedByName() throws IOException {
    byte[] whole = Files.readAllBytes(Fixtures.resource(FOLDER + "/spiece.model"));
    Path file = temp.resolve("spiece.model");
    for (int length = 0; length < whole.length; length += 7) {
      Path cut = Files.write(file, Arrays.copyOf(whole, length));
      try {
        assertThat(SentencePieceModel.parse(cut, Files.readAllBytes(cut)).pieces()).isNotEmpty();
      } catch (TokenizerException e) {
        assertThat(e).hasMessageContaining("spiece.model");
      }
    }
    for (int at = 0; at < whole.length; at += 5) {
      byte[] changed = whole.clone();
      changed[at] ^= (byte) (1 + at % 255);
      try {
        assertThat(SentencePieceModel.parse(file, changed).pieces()).isNotEmpty();
      } catch (TokenizerException e) {
        assertThat(e).hasMessageContaining("spiece.model");
      }
    }
    refused(new byte[0], "is no SentencePiece model: it holds no pieces");
    refused(
        "<html>".getBytes(java.nio.charset.StandardCharsets.UTF_8), "is no SentencePiece model");
    // trainer_spec { model_type: BPE }
    refused(new byte[] {0x12, 2, 0x18, 2}, "of type BPE; expected unigram");
  }

  private void refused(byte[] bytes, String says) {
    assertThatThrownBy(() -> SentencePieceModel.parse(temp.resolve("spiece.model"), bytes))
        .isInstanceOf(TokenizerException.class)
        .hasMessageContaining(says);
  }
}
