package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

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

    Specials specials = new Specials(vocabFile, vocab, files);
    String unk = specials.required(SpecialToken.UNKNOWN);
    String cls = specials.required(SpecialToken.CLASSIFIER);
    String sep = specials.required(SpecialToken.SEPARATOR);
    Set<String> added = new LinkedHashSet<>(List.of(unk, cls, sep));
    for (SpecialToken special : List.of(SpecialToken.PADDING, SpecialToken.MASK)) {
      String token = specials.named(special);
      if (vocab.containsKey(token)) {
        added.add(token);
      }
    }

    ObjectNode normalizer = JSON.objectNode().put("type", "BertNormalizer").put("clean_text", true);
    configureNormalizer(normalizer, config);
    ObjectNode json = JSON.objectNode().put("version", "1.0");
    json.putNull("truncation");
    json.putNull("padding");
    json.set("added_tokens", addedTokens(vocabFile, vocab, added, config));
    json.set("normalizer", normalizer);
    json.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    json.set("post_processor", template(cls, id(vocab, cls), sep, id(vocab, sep)));
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

  /// The special tokens, lowest id first, then those that `added_tokens_decoder` adds to the
  /// vocabulary: the library gives the latter the ids after the vocabulary in this order, so they
  /// must have them.
  private static ArrayNode addedTokens(
      Path vocabFile, Map<String, Integer> vocab, Set<String> specials, ObjectNode config) {
    Map<String, JsonNode> described = new HashMap<>();
    ArrayNode tokens = JSON.arrayNode();
    int next = vocab.size();
    for (Map.Entry<String, JsonNode> entry : config.path("added_tokens_decoder").properties()) {
      described.put(entry.getValue().path("content").asText(), entry.getValue());
    }
    specials.stream()
        .sorted((a, b) -> Integer.compare(id(vocab, a), id(vocab, b)))
        .forEach(
            token -> tokens.add(addedToken(id(vocab, token), token, true, described.get(token))));
    for (Map.Entry<String, JsonNode> entry : config.path("added_tokens_decoder").properties()) {
      String content = entry.getValue().path("content").asText();
      if (specials.contains(content)) {
        continue;
      }
      Integer known = vocab.get(content);
      int id = known == null ? next++ : known;
      if (!entry.getKey().equals(Integer.toString(id))) {
        throw TokenizerException.in(
            vocabFile.resolveSibling("tokenizer_config.json"),
            "added_tokens_decoder gives '%s' the id %s, but with %s it has %d"
                .formatted(content, entry.getKey(), vocabFile.getFileName(), id));
      }
      tokens.add(addedToken(id, content, false, entry.getValue()));
    }
    return tokens;
  }

  /// Of a token that is known to be there.
  private static int id(Map<String, Integer> vocab, String token) {
    return Objects.requireNonNull(vocab.get(token), token);
  }

  private static ObjectNode addedToken(
      int id, String content, boolean special, @Nullable JsonNode described) {
    JsonNode from = described == null ? JSON.objectNode() : described;
    boolean isSpecial = from.path("special").asBoolean(special);
    return JSON.objectNode()
        .put("id", id)
        .put("content", content)
        .put("single_word", from.path("single_word").asBoolean(false))
        .put("lstrip", from.path("lstrip").asBoolean(false))
        .put("rstrip", from.path("rstrip").asBoolean(false))
        .put("normalized", from.path("normalized").asBoolean(!isSpecial))
        .put("special", isSpecial);
  }

  /// `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` where B and its [SEP] are of type 1.
  private static ObjectNode template(String cls, int clsId, String sep, int sepId) {
    ObjectNode template = JSON.objectNode().put("type", "TemplateProcessing");
    for (String key : List.of("single", "pair")) {
      ArrayNode parts = template.putArray(key);
      part(parts, "SpecialToken", cls, 0);
      part(parts, "Sequence", "A", 0);
      part(parts, "SpecialToken", sep, 0);
      if (key.equals("pair")) {
        part(parts, "Sequence", "B", 1);
        part(parts, "SpecialToken", sep, 1);
      }
    }
    ObjectNode tokens = template.putObject("special_tokens");
    special(tokens, cls, clsId);
    special(tokens, sep, sepId);
    return template;
  }

  private static void part(ArrayNode parts, String kind, String id, int type) {
    parts.addObject().putObject(kind).put("id", id).put("type_id", type);
  }

  private static void special(ObjectNode tokens, String token, int id) {
    ObjectNode special = tokens.putObject(token).put("id", token);
    special.putArray("ids").add(id);
    special.putArray("tokens").add(token);
  }

  /// The special tokens of a vocabulary by their role.
  private record Specials(Path vocabFile, Map<String, Integer> vocab, SpecialTokenFiles files) {
    String named(SpecialToken special) {
      return files.named(special).orElse(special.defaults().getFirst());
    }

    String required(SpecialToken special) {
      String token = named(special);
      if (!vocab.containsKey(token)) {
        throw TokenizerException.in(
            vocabFile,
            "lacks %s, the %s; tokenizer_config.json can name another"
                .formatted(token, special.key()));
      }
      return token;
    }
  }
}
