package dev.coffey.model.tokenize;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;

/// Reads what a Hugging Face folder says about its tokenizer and brings it into one form: the text
/// of a `tokenizer.json`.
final class TokenizerFolder {
  private static final JsonMapper JSON = new JsonMapper();

  /// `tokenizer.json` of a vocabulary of 250,000 pieces takes 17 MB.
  private static final long MAX_BYTES = 256L << 20;

  /// Where no limit is meant, transformers writes int(1e30).
  private static final long NO_LIMIT = 1 << 24;

  /// The classes of transformers that set up the normalizer from `tokenizer_config.json`, whatever
  /// `tokenizer.json` says. Each is also written with "Fast" at its end.
  private static final Set<String> NORMALIZER_FROM_CONFIG =
      Set.of("BertTokenizer", "DistilBertTokenizer", "MobileBertTokenizer");

  private TokenizerFolder() {}

  /// All that a [Tokenizer] is made from.
  ///
  /// @param source the file that `json` comes from, for messages
  /// @param json what the native library reads
  /// @param modelMaxTokens `model_max_length`, if it is a limit
  /// @param specials the ids of the special tokens, by role
  /// @param marksSubwords whether the pieces within a word are marked, as WordPiece's are by `##`
  /// @param cleanUpSpaces whether decoding also joins punctuation to the word before it
  record Definition(
      Path source,
      String json,
      Vocabulary vocabulary,
      OptionalInt modelMaxTokens,
      Map<SpecialToken, Integer> specials,
      boolean marksSubwords,
      boolean cleanUpSpaces) {}

  /// @throws TokenizerException naming the file at fault
  static Definition read(Path folder) {
    Path configFile = folder.resolve("tokenizer_config.json");
    ObjectNode config = optionalObject(configFile);
    SpecialTokenFiles specials =
        new SpecialTokenFiles(config, optionalObject(folder.resolve("special_tokens_map.json")));
    Path tokenizerFile = folder.resolve("tokenizer.json");
    Path vocabFile = folder.resolve("vocab.txt");
    Path pieceFile = folder.resolve("spiece.model");
    Path source;
    String json;
    ObjectNode tokenizer;
    if (Files.exists(tokenizerFile)) {
      source = tokenizerFile;
      json = text(source);
      tokenizer = object(json, source);
      if (normalizerFromConfig(tokenizer, config)) {
        json = tokenizer.toString();
      }
    } else if (Files.exists(vocabFile)) {
      source = vocabFile;
      tokenizer = WordPieceFiles.tokenizer(vocabFile, text(vocabFile), specials);
      json = tokenizer.toString();
    } else if (Files.exists(pieceFile)) {
      source = pieceFile;
      tokenizer = UnigramFiles.tokenizer(pieceFile, bytes(pieceFile), specials);
      json = tokenizer.toString();
    } else {
      throw TokenizerException.in(
          folder,
          "neither tokenizer.json nor vocab.txt nor spiece.model is there; transformers' save_pretrained writes tokenizer.json");
    }
    if (lowerCases(folder) && !lowerCases(tokenizer.path("normalizer"))) {
      prependLowercase(tokenizer);
      json = tokenizer.toString();
    }
    Vocabulary vocabulary = Vocabulary.of(tokenizer, source);
    return new Definition(
        source,
        json,
        vocabulary,
        modelMaxTokens(config.path("model_max_length"), configFile),
        specials.ids(vocabulary),
        !tokenizer.path("model").path("continuing_subword_prefix").asText("").isEmpty(),
        config.path("clean_up_tokenization_spaces").asBoolean(false)
            && !tokenizer.path("model").path("type").asText().equals("BPE"));
  }

  /// Sets `tokenizer`'s BertNormalizer as `config` says where transformers' class does so too. True
  /// if it was changed.
  private static boolean normalizerFromConfig(ObjectNode tokenizer, ObjectNode config) {
    String type = config.path("tokenizer_class").asText();
    if (type.endsWith("Fast")) {
      type = type.substring(0, type.length() - "Fast".length());
    }
    if (!NORMALIZER_FROM_CONFIG.contains(type)
        || !(tokenizer.get("normalizer") instanceof ObjectNode normalizer)
        || !normalizer.path("type").asText().equals("BertNormalizer")) {
      return false;
    }
    ObjectNode asConfigured = normalizer.deepCopy();
    WordPieceFiles.configureNormalizer(asConfigured, config);
    if (asConfigured.equals(normalizer)) {
      return false;
    }
    tokenizer.set("normalizer", asConfigured);
    return true;
  }

  /// Whether sentence-transformers lower-cases texts itself, whatever the tokenizer does.
  private static boolean lowerCases(Path folder) {
    return optionalObject(folder.resolve("sentence_bert_config.json"))
        .path("do_lower_case")
        .asBoolean(false);
  }

  private static boolean lowerCases(JsonNode normalizer) {
    return normalizer.path("lowercase").asBoolean(false)
        || normalizer.path("type").asText().equals("Lowercase")
        || normalizer.path("normalizers").valueStream().anyMatch(TokenizerFolder::lowerCases);
  }

  private static void prependLowercase(ObjectNode tokenizer) {
    JsonNode normalizer = tokenizer.path("normalizer");
    ObjectNode sequence = JsonNodeFactory.instance.objectNode().put("type", "Sequence");
    ArrayNode steps = sequence.putArray("normalizers");
    steps.addObject().put("type", "Lowercase");
    if (normalizer.isObject()) {
      steps.add(normalizer);
    }
    tokenizer.set("normalizer", sequence);
  }

  private static OptionalInt modelMaxTokens(JsonNode value, Path file) {
    if (value.isMissingNode() || value.isNull()) {
      return OptionalInt.empty();
    }
    if (!value.isNumber() || value.doubleValue() < 1) {
      throw TokenizerException.in(file, "model_max_length is " + value + "; expected at least 1");
    }
    return value.doubleValue() > NO_LIMIT ? OptionalInt.empty() : OptionalInt.of(value.intValue());
  }

  private static ObjectNode optionalObject(Path file) {
    return Files.exists(file) ? object(text(file), file) : JsonNodeFactory.instance.objectNode();
  }

  private static ObjectNode object(String json, Path file) {
    try {
      if (JSON.readTree(json) instanceof ObjectNode object) {
        return object;
      }
      throw TokenizerException.in(file, "expected a JSON object");
    } catch (JsonProcessingException e) {
      throw TokenizerException.in(
          file,
          "line %d, column %d: not valid JSON: %s"
              .formatted(
                  e.getLocation().getLineNr(),
                  e.getLocation().getColumnNr(),
                  e.getOriginalMessage()),
          e);
    }
  }

  private static String text(Path file) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes(file))).toString();
    } catch (CharacterCodingException e) {
      throw TokenizerException.in(file, "not valid UTF-8", e);
    }
  }

  private static byte[] bytes(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw TokenizerException.in(
            file, Files.size(file) + " bytes; at most " + MAX_BYTES + " are read");
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw TokenizerException.in(file, "can't be read: " + e, e);
    }
  }
}
