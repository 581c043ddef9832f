package dev.coffey.model.tokenize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Files that say too little or the wrong thing.
class TokenizerFolderTest {
  private static final String VOCAB = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n";

  @TempDir Path folder;

  @Test
  void load_noTokenizerFiles_saysWhichAreExpected() {
    refused(folder.toString(), "neither tokenizer.json nor vocab.txt nor spiece.model is there");
  }

  @Test
  void load_pieceTwice_namesBothLines() throws IOException {
    vocab(VOCAB + "a\n");
    refused("vocab.txt", "line 8: 'a' stands in line 6 already");
  }

  @Test
  void load_emptyLine_isNamed() throws IOException {
    vocab("[PAD]\n[UNK]\n\n[CLS]\n");
    refused("vocab.txt", "line 3 is empty");
  }

  @Test
  void load_specialTokenMissing_namesItAndItsRole() throws IOException {
    vocab(VOCAB.replace("[SEP]", "[EOS]"));
    refused("vocab.txt", "lacks [SEP], the sep_token; tokenizer_config.json can name another");
  }

  @Test
  void load_specialTokensOfOtherNames_areThoseOfTheConfigs() throws IOException {
    vocab(VOCAB.replace("[SEP]", "</s>").replace("[CLS]", "<s>"));
    write("special_tokens_map.json", "{\"sep_token\": \"</s>\", \"cls_token\": \"wrong\"}");
    write("tokenizer_config.json", "{\"cls_token\": {\"content\": \"<s>\", \"lstrip\": false}}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode("ab </s>", "a", Truncation.NONE, 99).ids())
          .containsExactly(2, 5, 6, 3, 3, 5, 3);
    }
  }

  /// sentence-transformers puts the lower-casing before a tokenizer that has none; an upper-case
  /// special token is still found, as it is not text.
  @Test
  void load_sentencesInLowerCase_casedVocabularyReadsLowerCase() throws IOException {
    vocab(VOCAB);
    write("tokenizer_config.json", "{\"do_lower_case\": false}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode("AB [MASK]", null, Truncation.NONE, 99).ids())
          .containsExactly(2, 1, 4, 3);
    }
    write("sentence_bert_config.json", "{\"do_lower_case\": true}");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode("AB [MASK]", null, Truncation.NONE, 99).ids())
          .containsExactly(2, 5, 6, 4, 3);
    }
  }

  /// Breaks if what is said of a token by its role (`mask_token`) or by its id is not read.
  @Test
  void load_maskThatTakesTheSpaceBefore_takesIt() throws IOException {
    vocab(VOCAB);
    String mask = "{\"content\": \"[MASK]\", \"lstrip\": true, \"special\": true}";
    for (String config :
        List.of(
            "{\"mask_token\": " + mask + "}",
            "{\"added_tokens_decoder\": {\"4\": " + mask + "}}")) {
      write("tokenizer_config.json", config);
      try (Tokenizer tokenizer = Tokenizer.load(folder)) {
        TokenizedText text = tokenizer.tokenize("a [MASK]", null, true, Truncation.NONE, 99);
        assertThat(text.tokens().get(2).start()).as(config).isEqualTo(1);
      }
    }
  }

  @Test
  void load_windowsLineEndsAndNoLastOne_areRead() throws IOException {
    vocab(VOCAB.strip().replace("\n", "\r\n"));
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode("AB", null, Truncation.NONE, 99).ids())
          .containsExactly(2, 5, 6, 3);
      assertThat(tokenizer.vocabularySize()).isEqualTo(7);
    }
  }

  @Test
  void load_vocabWithoutPadAndMask_needsNeither() throws IOException {
    vocab("[UNK]\n[CLS]\n[SEP]\na\n");
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      assertThat(tokenizer.encode("a b", null, Truncation.NONE, 99).ids())
          .containsExactly(1, 3, 0, 2);
    }
  }

  @Test
  void load_addedTokens_areOneTokenEach() throws IOException {
    vocab(VOCAB);
    write(
        "tokenizer_config.json",
        """
        {"added_tokens_decoder": {
          "4": {"content": "[MASK]", "lstrip": true, "special": true},
          "7": {"content": "<item>", "special": false},
          "8": {"content": "<end>", "special": true}}}
        """);
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      int[] ids = tokenizer.encode("a<ITEM>a <end>", null, Truncation.NONE, 99).ids();
      assertThat(ids).containsExactly(2, 5, 7, 5, 8, 3);
      assertThat(tokenizer.decode(ids, true)).isEqualTo("a <item> a");
      assertThat(tokenizer.vocabularySize()).isEqualTo(9);
    }
  }

  @Test
  void load_addedTokenWithAnotherId_isRefused() throws IOException {
    vocab(VOCAB);
    write(
        "tokenizer_config.json", "{\"added_tokens_decoder\": {\"9\": {\"content\": \"<item>\"}}}");
    refused(
        "tokenizer_config.json",
        "added_tokens_decoder gives '<item>' the id 9, but with vocab.txt it has 7");
  }

  @Test
  void load_notUtf8_isRefused() throws IOException {
    Files.write(
        folder.resolve("vocab.txt"), (VOCAB + "caf\u00e9").getBytes(StandardCharsets.ISO_8859_1));
    refused("vocab.txt", "not valid UTF-8");
  }

  @Test
  void load_brokenJson_namesThePlace() throws IOException {
    write("tokenizer.json", "{\n  \"model\": oops\n}");
    refused("tokenizer.json", "line 2, column ", "not valid JSON");
    write("tokenizer.json", "[]");
    refused("tokenizer.json", "expected a JSON object");
    write("tokenizer.json", "{}");
    refused("tokenizer.json", "model.vocab is missing");
  }

  @Test
  void load_jsonTheLibraryRefuses_repeatsItsWords() throws IOException {
    ObjectNode json = (ObjectNode) Fixtures.json("golden/vocab/tokenizer.json");
    json.putObject("normalizer").put("type", "Unheard-of");
    write("tokenizer.json", json.toString());
    refused("tokenizer.json", "the tokenizers library refuses it: ");
  }

  /// The library takes such a file, and the model would read beyond its embedding table.
  @Test
  void load_specialIdBeyondTheVocabulary_isRefused() throws IOException {
    String json = Files.readString(Fixtures.resource("golden/vocab/tokenizer.json"));
    ObjectNode tree = (ObjectNode) Fixtures.JSON.readTree(json);
    ((ObjectNode) tree.at("/post_processor/special_tokens/[SEP]")).putArray("ids").add(5000);
    write("tokenizer.json", tree.toString());
    refused(
        "tokenizer.json",
        "the post-processor adds the id 5000, which is not in the vocabulary of 4096");
  }

  @Test
  void load_idsOutOfRange_areRefused() throws IOException {
    for (String id : List.of("-1", "2000000000", "1.5", "\"x\"")) {
      write("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": " + id + "}}}");
      refused("tokenizer.json", "the id of 'a' is " + id);
    }
  }

  @Test
  void modelMaxTokens_hugeOrAbsent_isNone() throws IOException {
    vocab(VOCAB);
    assertThat(maxTokens("{}")).isEmpty();
    assertThat(maxTokens("{\"model_max_length\": null}")).isEmpty();
    assertThat(maxTokens("{\"model_max_length\": 1000000000000000019884624838656}")).isEmpty();
    assertThat(maxTokens("{\"model_max_length\": 512}")).hasValue(512);
    write("tokenizer_config.json", "{\"model_max_length\": 0}");
    refused("tokenizer_config.json", "model_max_length is 0; expected at least 1");
  }

  private OptionalInt maxTokens(String config) throws IOException {
    write("tokenizer_config.json", config);
    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
      return tokenizer.modelMaxTokens();
    }
  }

  private void vocab(String text) throws IOException {
    write("vocab.txt", text);
  }

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  private void refused(String... parts) {
    assertThatThrownBy(() -> Tokenizer.load(folder).close())
        .isInstanceOf(TokenizerException.class)
        .hasMessageContainingAll(parts);
  }
}
