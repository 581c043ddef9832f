package dev.coffey.model.tokenize;

import static dev.coffey.model.tokenize.Fixtures.ints;
import static dev.coffey.model.tokenize.Fixtures.json;
import static dev.coffey.model.tokenize.Fixtures.list;
import static dev.coffey.model.tokenize.Fixtures.resource;
import static dev.coffey.model.tokenize.Fixtures.textOrNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// `tokenize/huggingface.json` holds what transformers makes of the same texts;
/// `make_huggingface.py` beside it wrote it.
class TokenizerTest {
  private static final int NO_LIMIT = Integer.MAX_VALUE;

  @TempDir static Path temp;

  /// The ways by which a tokenizer comes about. Everything must be the same on all of them.
  enum Route {
    TOKENIZER_JSON,
    VOCAB_TXT,
    VOCAB_TXT_ALONE;

    Tokenizer tokenizer() {
      List<String> files =
          switch (this) {
            case TOKENIZER_JSON -> List.of("tokenizer.json", "tokenizer_config.json");
            case VOCAB_TXT ->
                List.of("vocab.txt", "tokenizer_config.json", "special_tokens_map.json");
            case VOCAB_TXT_ALONE -> List.of("vocab.txt");
          };
      return tokenizers.computeIfAbsent(
          this, _ -> Tokenizer.load(Fixtures.folder(temp, "golden/vocab", files)));
    }
  }

  private static final Map<Route, Tokenizer> tokenizers = new EnumMap<>(Route.class);
  private static final JsonNode huggingFace = json("tokenize/huggingface.json");

  @AfterAll
  static void close() {
    tokenizers.values().forEach(Tokenizer::close);
    tokenizers.clear();
  }

  @ParameterizedTest
  @EnumSource
  void encode_anyText_equalsHuggingFace(Route route) {
    for (JsonNode c : list(huggingFace.get("cases"))) {
      Encoding encoding =
          route
              .tokenizer()
              .encode(
                  c.get("text").textValue(), textOrNull(c.get("pair")), Truncation.NONE, NO_LIMIT);
      assertThat(encoding.ids()).as(c.get("text").toString()).isEqualTo(ints(c.get("ids")));
      assertThat(encoding.types()).as(c.get("text").toString()).isEqualTo(ints(c.get("types")));
      assertThat(encoding.cut()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void tokenize_anyText_placesEqualHuggingFace(Route route) {
    for (JsonNode c : list(huggingFace.get("cases"))) {
      String text = c.get("text").textValue();
      String pair = textOrNull(c.get("pair"));
      TokenizedText tokenized =
          route.tokenizer().tokenize(text, pair, true, Truncation.NONE, NO_LIMIT);
      assertThat(tokenized.encoding().ids()).isEqualTo(ints(c.get("ids")));
      assertThat(tokenized.tokens()).hasSize(c.get("ids").size());
      for (int i = 0; i < c.get("ids").size(); i++) {
        Token token = tokenized.tokens().get(i);
        String what = "token " + i + " of " + c.get("text");
        assertThat(token.id()).as(what).isEqualTo(c.get("ids").get(i).intValue());
        assertThat(token.type()).as(what).isEqualTo(c.get("types").get(i).intValue());
        assertThat(token.piece()).as(what).isEqualTo(c.get("pieces").get(i).textValue());
        assertThat(token.sequence()).as(what).isEqualTo(c.get("sequences").get(i).intValue());
        assertThat(token.word()).as(what).isEqualTo(c.get("words").get(i).intValue());
        assertThat(new int[] {token.start(), token.end()})
            .as(what)
            .isEqualTo(ints(c.get("offsets").get(i)));
        String of = token.sequence() == 1 && pair != null ? pair : text;
        assertThat(inBytes(of, token)).as(what).isEqualTo(inCodePoints(of, token));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void encode_oneTextOfAPairCut_isCutAsHuggingFaceCuts(Route route) {
    List<JsonNode> cases = list(huggingFace.get("one_sided"));
    assertThat(cases).hasSizeGreaterThan(40);
    for (JsonNode c : cases) {
      ThrowingCallable encode =
          () ->
              assertThat(
                      route
                          .tokenizer()
                          .encode(
                              c.get("text").textValue(),
                              c.get("pair").textValue(),
                              c.get("side").textValue().equals("left")
                                  ? Truncation.LEFT
                                  : Truncation.RIGHT,
                              pairCut(c),
                              c.get("limit").intValue())
                          .ids())
                  .as(c.toString())
                  .isEqualTo(ints(c.get("ids")));
      if (c.get("ids").isNull()) {
        assertThatThrownBy(encode)
            .as(c.toString())
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("the text that is kept whole has")
            .hasMessageContaining("leaves none of " + c.get("limit"));
      } else {
        assertThatCode(encode).doesNotThrowAnyException();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void windows_longText_areHuggingFaces(Route route) {
    List<JsonNode> cases = list(huggingFace.get("windows"));
    assertThat(cases).hasSizeGreaterThan(10);
    for (JsonNode c : cases) {
      String text = c.get("text").textValue();
      String pair = textOrNull(c.get("pair"));
      int limit = c.get("limit").intValue();
      Overlap overlap = Overlap.exactly(c.get("overlap").intValue());
      List<TokenizedText> windows =
          route.tokenizer().tokenizeWindows(text, pair, pairCut(c), overlap, limit);
      List<Encoding> encodings =
          route.tokenizer().encodeWindows(text, pair, pairCut(c), overlap, limit);
      assertThat(windows).as(c.toString()).hasSameSizeAs(list(c.get("ids")));
      assertThat(encodings).hasSameSizeAs(windows);
      for (int w = 0; w < windows.size(); w++) {
        TokenizedText window = windows.get(w);
        assertThat(window.encoding().ids()).as(c.toString()).isEqualTo(ints(c.get("ids").get(w)));
        assertThat(window.encoding().types()).isEqualTo(ints(c.get("types").get(w)));
        assertThat(window.encoding().cut()).isZero();
        assertThat(encodings.get(w).ids()).isEqualTo(window.encoding().ids());
        assertThat(encodings.get(w).cut()).isZero();
        for (int i = 0; i < window.tokens().size(); i++) {
          Token token = window.tokens().get(i);
          assertThat(new int[] {token.start(), token.end()})
              .as("token " + i + " of window " + w + " of " + c)
              .isEqualTo(ints(c.get("offsets").get(w).get(i)));
        }
      }
    }
  }

  /// Windows that do not move on would never end.
  @Test
  void windows_overlapAsLargeAsAWindow_isRefusedUnlessItMayShrink() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    String text = "the quick brown fox jumps over the lazy dog again and again";
    assertThatThrownBy(
            () -> tokenizer.encodeWindows(text, null, PairCut.LONGEST_FIRST, Overlap.exactly(6), 8))
        .hasMessage(
            "an overlap of 6 tokens, but a window holds 6 tokens of the text: ask for an overlap below that");
    assertThat(tokenizer.encodeWindows(text, null, PairCut.LONGEST_FIRST, Overlap.upTo(6), 8))
        .extracting(Encoding::tokens)
        .containsExactly(8, 8, 8, 8);
    assertThatThrownBy(
            () -> tokenizer.encodeWindows(text, "a", PairCut.ONLY_SECOND, Overlap.upTo(6), 8))
        .hasMessageContaining("leave no room for a window");
  }

  private static PairCut pairCut(JsonNode c) {
    return PairCut.valueOf(c.get("which").textValue().toUpperCase(Locale.ROOT));
  }

  @Test
  void words_unknownPieces_areTheTextItself() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    String text = "I ❤️ films 🎬👍 ， don't";
    List<Token> tokens =
        tokenizer.tokenize(text, null, true, Truncation.NONE, NO_LIMIT).tokens().stream()
            .filter(token -> !token.special())
            .toList();
    assertThat(tokens).extracting(Token::piece).contains("[UNK]");
    assertThat(tokenizer.words(tokens, new CodePoints(text))).isEqualTo("i ❤ films 🎬👍 ， don ' t");
    assertThat(tokenizer.words(tokens.subList(1, 2), new CodePoints(text))).isEqualTo("❤");
  }

  @Test
  void id_specialTokens_areFoundByRole() {
    for (Route route : Route.values()) {
      assertThat(route.tokenizer().id(SpecialToken.PADDING)).hasValue(0);
      assertThat(route.tokenizer().id(SpecialToken.UNKNOWN)).hasValue(1);
      assertThat(route.tokenizer().id(SpecialToken.CLASSIFIER)).hasValue(2);
      assertThat(route.tokenizer().id(SpecialToken.SEPARATOR)).hasValue(3);
      assertThat(route.tokenizer().id(SpecialToken.MASK)).hasValue(4);
    }
  }

  @ParameterizedTest
  @EnumSource
  void encode_tooLongText_isCutAsHuggingFaceCuts(Route route) {
    List<JsonNode> cases = list(huggingFace.get("truncated"));
    assertThat(cases).hasSizeGreaterThan(100);
    for (JsonNode c : cases) {
      Truncation side =
          c.get("side").textValue().equals("left") ? Truncation.LEFT : Truncation.RIGHT;
      int limit = c.get("limit").intValue();
      String text = c.get("text").textValue();
      String pair = textOrNull(c.get("pair"));
      String what = side + " to " + limit + ": " + text + " | " + pair;
      Encoding encoding = route.tokenizer().encode(text, pair, side, limit);
      assertThat(encoding.ids()).as(what).isEqualTo(ints(c.get("ids")));
      assertThat(encoding.types()).as(what).isEqualTo(ints(c.get("types")));
      assertThat(encoding.cut()).as(what).isEqualTo(c.get("cut").intValue());
      TokenizedText tokenized = route.tokenizer().tokenize(text, pair, true, side, limit);
      assertThat(tokenized.encoding().ids()).as(what).isEqualTo(encoding.ids());
      for (int i = 0; i < tokenized.tokens().size(); i++) {
        assertThat(tokenized.tokens().get(i).start())
            .as(what)
            .isEqualTo(c.get("offsets").get(i).get(0).intValue());
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void decode_idsOfText_equalsHuggingFace(Route route) {
    for (JsonNode c : list(huggingFace.get("decoded"))) {
      int[] ids = ints(c.get("ids"));
      assertThat(route.tokenizer().decode(ids, false)).isEqualTo(c.get("kept").textValue());
      assertThat(route.tokenizer().decode(ids, true)).isEqualTo(c.get("skipped").textValue());
    }
  }

  @Test
  void decode_cleanUpSpacesInConfig_equalsHuggingFace() throws IOException {
    Path folder = Fixtures.folder(temp, "golden/vocab", List.of("tokenizer.json"));
    Files.writeString(
        folder.resolve("tokenizer_config.json"), "{\"clean_up_tokenization_spaces\": true}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      for (JsonNode c : list(huggingFace.get("decoded"))) {
        assertThat(tokenizer.decode(ints(c.get("ids")), true))
            .isEqualTo(c.get("cleaned").textValue());
      }
    }
  }

  @Test
  void load_normalizerSettings_areReadFromTheConfigAsHuggingFaceReadsThem() throws IOException {
    for (JsonNode c : list(huggingFace.get("configs"))) {
      Path folder =
          Fixtures.folder(
              temp,
              "golden/vocab",
              list(c.get("files")).stream().map(JsonNode::textValue).toList());
      ObjectNode config = (ObjectNode) json("golden/vocab/tokenizer_config.json");
      config.setAll((ObjectNode) c.get("config"));
      Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
      try (Tokenizer tokenizer = Tokenizer.load(folder)) {
        assertThat(encode(tokenizer, c.get("text").textValue()))
            .as(c.toString())
            .isEqualTo(ints(c.get("ids")));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void encode_pipelineInputs_equalHuggingFace(Route route) {
    int checked = 0;
    for (JsonNode c : list(json("golden/pipelines.json").get("cases"))) {
      if (!c.has("input_ids") || c.get("task").textValue().equals("question-answering")) {
        continue;
      }
      JsonNode input = c.get("input");
      String text = input.isTextual() ? input.textValue() : input.get("text").textValue();
      String pair = input.isTextual() ? null : textOrNull(input.path("text_pair"));
      assertThat(route.tokenizer().encode(text, pair, Truncation.RIGHT, 128).ids())
          .as(c.get("id").textValue())
          .isEqualTo(ints(c.get("input_ids")));
      checked++;
    }
    assertThat(checked).isGreaterThan(130);
  }

  @Test
  void encode_builtInModelsTexts_equalItsExpectedIds() {
    for (List<String> files :
        List.of(
            List.of("tokenizer.json", "tokenizer_config.json"),
            List.of("vocab.txt", "tokenizer_config.json"))) {
      try (Tokenizer tokenizer = Tokenizer.load(Fixtures.folder(temp, "builtin", files))) {
        assertThat(tokenizer.modelMaxTokens()).hasValue(256);
        assertThat(tokenizer.vocabularySize()).isEqualTo(8192);
        for (JsonNode c : list(json("builtin/expected.json"))) {
          String text = c.get("text").textValue();
          assertThat(tokenizer.encode(text, null, Truncation.RIGHT, 256).ids())
              .as(text)
              .isEqualTo(ints(c.get("input_ids")));
        }
      }
    }
  }

  @Test
  void load_paddingAndTruncationInTokenizerJson_doNotAct() throws IOException {
    Path folder = Fixtures.folder(temp, "golden/vocab", List.of("tokenizer.json"));
    ObjectNode file = (ObjectNode) json("golden/vocab/tokenizer.json");
    file.putObject("truncation")
        .put("direction", "Right")
        .put("max_length", 4)
        .put("strategy", "LongestFirst")
        .put("stride", 0);
    file.putObject("padding")
        .put("direction", "Right")
        .putNull("pad_to_multiple_of")
        .put("pad_id", 0)
        .put("pad_type_id", 0)
        .put("pad_token", "[PAD]")
        .putObject("strategy")
        .put("Fixed", 40);
    Files.writeString(folder.resolve("tokenizer.json"), file.toString());
    String text = "a warm , funny film";
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(encode(tokenizer, text))
          .isEqualTo(encode(Route.TOKENIZER_JSON.tokenizer(), text))
          .hasSizeGreaterThan(4)
          .hasSizeLessThan(40);
    }
  }

  @Test
  void load_folderInAZip_works() throws IOException {
    Path zip = Files.createTempDirectory(temp, "zip").resolve("model.zip");
    try (FileSystem files = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
      Files.createDirectory(files.getPath("/m"));
      for (String name : List.of("vocab.txt", "tokenizer_config.json")) {
        Files.copy(resource("golden/vocab/" + name), files.getPath("/m", name));
      }
      try (Tokenizer tokenizer = Tokenizer.load(files.getPath("/m"))) {
        assertThat(encode(tokenizer, "the film"))
            .isEqualTo(encode(Route.TOKENIZER_JSON.tokenizer(), "the film"));
      }
    }
  }

  @Test
  void encode_tooLongAndNotToBeCut_saysTokensAndLimit() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    int tokens = encode(tokenizer, "a warm , funny film").length;
    assertThat(tokenizer.encode("a warm , funny film", null, Truncation.NONE, tokens).tokens())
        .isEqualTo(tokens);
    assertThatExceptionOfType(TooLongException.class)
        .isThrownBy(
            () -> tokenizer.encode("a warm , funny film", null, Truncation.NONE, tokens - 1))
        .withMessage(
            "%d tokens, specials included; the limit is %d: shorten the text, or ask for truncation (RIGHT or LEFT)",
            tokens, tokens - 1)
        .satisfies(e -> {
          assertThat(e.tokens()).isEqualTo(tokens);
          assertThat(e.limit()).isEqualTo(tokens - 1);
          assertThat(e.getStackTrace()).isEmpty();
        });
  }

  @Test
  void encode_limitBelowTheSpecials_isRefused() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    assertThat(tokenizer.encode("the film", null, Truncation.RIGHT, 2).tokens()).isEqualTo(2);
    assertThatThrownBy(() -> tokenizer.encode("the film", null, Truncation.RIGHT, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("a limit of 1 tokens leaves no room for the 2 special tokens");
  }

  @Test
  void encode_halfASurrogatePair_isRefusedWithItsPlace() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    for (String half : List.of("ab\ud83d", "ab\ud83dc", "ab\ude00")) {
      assertThatThrownBy(() -> tokenizer.encode("x", half, Truncation.NONE, NO_LIMIT))
          .as(half.codePoints().boxed().toList().toString())
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("at UTF-16 index 2");
    }
  }

  @Test
  void tokenize_withoutSpecials_isOnlyTheText() {
    TokenizedText text =
        Route.TOKENIZER_JSON
            .tokenizer()
            .tokenize("the film", null, false, Truncation.NONE, NO_LIMIT);
    assertThat(text.tokens()).extracting(Token::piece).containsExactly("the", "film");
    assertThat(text.tokens()).noneMatch(Token::special);
    assertThat(text.encoding().tokens()).isEqualTo(2);
  }

  @Test
  void encode_aMegabyte_isReadWhole() {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    int once = encode(tokenizer, "the film 😀 ").length - 2;
    int times = 80_000;
    Encoding all = tokenizer.encode("the film 😀 ".repeat(times), null, Truncation.NONE, NO_LIMIT);
    assertThat(all.tokens()).isEqualTo(once * times + 2);
    TokenizedText cut =
        tokenizer.tokenize("the film 😀 ".repeat(times), null, true, Truncation.LEFT, 10);
    assertThat(cut.encoding().cut()).isEqualTo(all.tokens() - 10);
    assertThat(cut.tokens().get(8).byteEnd()).isEqualTo(14 * times - 1);
    // One word of a million letters is one unknown token.
    assertThat(encode(tokenizer, "x".repeat(1_000_000))).hasSize(3);
  }

  @Test
  void decode_idOutsideTheVocabulary_isRefused() {
    assertThatThrownBy(() -> Route.TOKENIZER_JSON.tokenizer().decode(new int[] {2, 4096}, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("token id 4096 is not in the vocabulary; ids are 0 to 4095");
  }

  @Test
  void id_pieceOfTheVocabulary_isItsLine() {
    Tokenizer tokenizer = Route.VOCAB_TXT.tokenizer();
    assertThat(tokenizer.id("[MASK]")).hasValue(4);
    assertThat(tokenizer.piece(4)).isEqualTo("[MASK]");
    assertThat(tokenizer.id("no such piece")).isEmpty();
    assertThat(tokenizer.vocabularySize()).isEqualTo(4096);
  }

  @Test
  void encode_manyThreadsAtOnce_agree() throws Exception {
    Tokenizer tokenizer = Route.TOKENIZER_JSON.tokenizer();
    List<JsonNode> cases = list(huggingFace.get("cases"));
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<?>> results = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        results.add(
            threads.submit(() -> {
              for (int i = 0; i < 50; i++) {
                for (JsonNode c : cases) {
                  assertThat(
                          tokenizer
                              .encode(
                                  c.get("text").textValue(),
                                  textOrNull(c.get("pair")),
                                  Truncation.NONE,
                                  NO_LIMIT)
                              .ids())
                      .isEqualTo(ints(c.get("ids")));
                }
              }
            }));
      }
      for (Future<?> result : results) {
        result.get();
      }
    }
  }

  /// Without the lock around the handle this takes the process down.
  @Test
  void close_whileOthersEncode_refusesThemCleanly() throws Exception {
    for (int round = 0; round < 5; round++) {
      Tokenizer tokenizer =
          Tokenizer.load(Fixtures.folder(temp, "golden/vocab", List.of("vocab.txt")));
      try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
        List<Future<Integer>> results = new ArrayList<>();
        for (int t = 0; t < 3; t++) {
          results.add(
              threads.submit(() -> {
                int done = 0;
                try {
                  for (; done < 1_000_000; done++) {
                    encode(tokenizer, "the quick brown fox jumps over it");
                  }
                } catch (IllegalStateException e) {
                  assertThat(e).hasMessage("the tokenizer is closed");
                }
                return done;
              }));
        }
        Thread.sleep(5);
        tokenizer.close();
        tokenizer.close();
        for (Future<Integer> result : results) {
          assertThat(result.get()).isLessThan(1_000_000);
        }
      }
    }
  }

  private static int[] encode(Tokenizer tokenizer, String text) {
    return tokenizer.encode(text, null, Truncation.NONE, NO_LIMIT).ids();
  }

  private static String inCodePoints(String text, Token token) {
    return text.substring(
        text.offsetByCodePoints(0, token.start()), text.offsetByCodePoints(0, token.end()));
  }

  private static String inBytes(String text, Token token) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return new String(
        bytes, token.byteStart(), token.byteEnd() - token.byteStart(), StandardCharsets.UTF_8);
  }
}
