package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The pieces of a tokenizer and their ids, added tokens included. An id below the size may have no
/// piece.
final class Vocabulary {
  /// Eight times the largest vocabulary in use; a wrong id in a file must not cost gigabytes.
  private static final int MAX_SIZE = 1 << 21;

  private final Map<String, Integer> ids;
  private final @Nullable String[] pieces;

  private Vocabulary(Map<String, Integer> ids, int size) {
    this.ids = ids;
    this.pieces = new String[size];
    ids.forEach((piece, id) -> pieces[id] = piece);
  }

  /// Reads the `model.vocab` and the `added_tokens` of a `tokenizer.json`.
  static Vocabulary of(JsonNode tokenizer, Path file) {
    JsonNode vocab = tokenizer.path("model").path("vocab");
    Map<String, Integer> ids = new HashMap<>();
    if (vocab.isObject()) {
      vocab
          .properties()
          .forEach(entry -> ids.put(entry.getKey(), id(entry.getValue(), entry.getKey(), file)));
    } else if (vocab.isArray()) {
      // Unigram: [[piece, score], …], where the place is the id.
      for (int i = 0; i < vocab.size(); i++) {
        ids.put(vocab.path(i).path(0).asText(), i);
      }
    } else {
      throw TokenizerException.in(
          file, "model.vocab is missing: this is no tokenizer.json of Hugging Face");
    }
    for (JsonNode token : tokenizer.path("added_tokens")) {
      String content = token.path("content").asText();
      ids.put(content, id(token.path("id"), content, file));
    }
    int size = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
    if (size == 0) {
      throw TokenizerException.in(file, "the vocabulary is empty");
    }
    return new Vocabulary(ids, size);
  }

  /// One past the largest id.
  int size() {
    return pieces.length;
  }

  OptionalInt id(String piece) {
    Integer id = ids.get(piece);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /// The piece with that id, or null if there is none or the id is out of range.
  @Nullable String piece(long id) {
    return id >= 0 && id < pieces.length ? pieces[(int) id] : null;
  }

  private static int id(JsonNode node, String piece, Path file) {
    if (!node.isInt() || node.intValue() < 0 || node.intValue() >= MAX_SIZE) {
      throw TokenizerException.in(
          file, "the id of '" + piece + "' is " + node + "; expected 0 to " + (MAX_SIZE - 1));
    }
    return node.intValue();
  }
}
