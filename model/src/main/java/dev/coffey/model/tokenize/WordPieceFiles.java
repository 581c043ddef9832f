package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/// Makes the `tokenizer.json` of a BERT tokenizer out of the files that older checkpoints have:
/// `vocab.txt`, `tokenizer_config.json`, `special_tokens_map.json`. The defaults are those of
/// transformers' `BertTokenizer`.
final class WordPieceFiles {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private WordPieceFiles() {}

  /// @throws TokenizerException naming the file, and the line where one is at fault
  static ObjectNode tokenizer(Path vocabFile, String vocabText, SpecialTokenFiles files) {
    ObjectNode config = files.config();
    Map<String, Integer> vocab = new HashMap<>();
    ObjectNode vocabJson = JSON.objectNode();
    int line = 0;
    for (String piece : (Iterable<String>) vocabText.lines()::iterator) {
      if (piece.isEmpty()) {
        throw TokenizerException.in(
            vocabFile, "line " + (line + 1) + " is empty; each line is a piece");
      }
      Integer earlier = vocab.putIfAbsent(piece, line);
      if (earlier != null) {
        throw TokenizerException.in(
            vocabFile,
            "line %d: '%s' stands in line %d already".formatted(line + 1, piece, earlier + 1));
      }
      vocabJson.put(piece, line++);
    }

    String unk = files.required(SpecialToken.UNKNOWN, vocab, vocabFile);
    String cls = files.required(SpecialToken.CLASSIFIER, vocab, vocabFile);
    String sep = files.required(SpecialToken.SEPARATOR, vocab, vocabFile);
    Map<String, Boolean> added = new HashMap<>();
    for (SpecialToken special : SpecialToken.values()) {
      String token = files.written(special, vocab);
      if (vocab.containsKey(token)) {
        added.put(token, true);
      }
    }

    ObjectNode normalizer = JSON.objectNode().put("type", "BertNormalizer").put("clean_text", true);
    configureNormalizer(normalizer, config);
    ObjectNode json = JSON.objectNode().put("version", "1.0");
    json.putNull("truncation");
    json.putNull("padding");
    json.set(
        "added_tokens",
        TokenizerJson.addedTokens(vocabFile, vocab, added, files.described(), config));
    json.set("normalizer", normalizer);
    json.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    json.set("post_processor", TokenizerJson.template(vocab, cls, sep));
    json.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
    json.putObject("model")
        .put("type", "WordPiece")
        .put("unk_token", unk)
        .put("continuing_subword_prefix", "##")
        .put("max_input_chars_per_word", 100)
        .set("vocab", vocabJson);
    return json;
  }

  /// Sets the three choices that `tokenizer_config.json` has about a BertNormalizer. Null
  /// `strip_accents`: as lower-casing.
  static void configureNormalizer(ObjectNode normalizer, ObjectNode config) {
    normalizer.put("handle_chinese_chars", config.path("tokenize_chinese_chars").asBoolean(true));
    JsonNode stripAccents = config.path("strip_accents");
    normalizer.set("strip_accents", stripAccents.isBoolean() ? stripAccents : JSON.nullNode());
    normalizer.put("lowercase", config.path("do_lower_case").asBoolean(true));
  }
}
