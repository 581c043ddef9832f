package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The parts of a `tokenizer.json` that are the same for every tokenizer of BERT's family.
final class TokenizerJson {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  private TokenizerJson() {}

  /// The added tokens of a vocabulary, lowest id first, then those that `added_tokens_decoder` adds
  /// to it: the library gives the latter the ids after the vocabulary in this order, so they must
  /// have them.
  ///
  /// @param vocabFile for messages
  /// @param added pieces of the vocabulary, and whether each is a special token
  /// @param byRole what is said of tokens elsewhere than in `added_tokens_decoder`
  static ArrayNode addedTokens(
      Path vocabFile,
      Map<String, Integer> vocab,
      Map<String, Boolean> added,
      Map<String, JsonNode> byRole,
      ObjectNode config) {
    JsonNode decoder = config.path("added_tokens_decoder");
    Map<String, JsonNode> described = new HashMap<>(byRole);
    for (Map.Entry<String, JsonNode> entry : decoder.properties()) {
      described.put(entry.getValue().path("content").asText(), entry.getValue());
    }
    ArrayNode tokens = JSON.arrayNode();
    added.entrySet().stream()
        .sorted((a, b) -> Integer.compare(id(vocab, a.getKey()), id(vocab, b.getKey())))
        .forEach(token ->
            tokens.add(
                addedToken(
                    id(vocab, token.getKey()),
                    token.getKey(),
                    token.getValue(),
                    described.get(token.getKey()))));
    int next = vocab.size();
    for (Map.Entry<String, JsonNode> entry : decoder.properties()) {
      String content = entry.getValue().path("content").asText();
      if (added.containsKey(content)) {
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

  /// `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` where B and its [SEP] are of type 1.
  static ObjectNode template(Map<String, Integer> vocab, String cls, String sep) {
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
    special(tokens, cls, id(vocab, cls));
    special(tokens, sep, id(vocab, sep));
    return template;
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
        .put("normalized", from.path("normalized").asBoolean(described != null && !isSpecial))
        .put("special", isSpecial);
  }

  private static void part(ArrayNode parts, String kind, String id, int type) {
    parts.addObject().putObject(kind).put("id", id).put("type_id", type);
  }

  private static void special(ObjectNode tokens, String token, int id) {
    ObjectNode special = tokens.putObject(token).put("id", token);
    special.putArray("ids").add(id);
    special.putArray("tokens").add(token);
  }

  /// Of a token that is known to be there.
  private static int id(Map<String, Integer> vocab, String token) {
    return Objects.requireNonNull(vocab.get(token), token);
  }
}
