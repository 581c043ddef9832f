package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// What a folder says of its special tokens: `tokenizer_config.json` first, then
/// `special_tokens_map.json`.
record SpecialTokenFiles(ObjectNode config, ObjectNode map) {
  /// How the token is written, if a file says so.
  Optional<String> named(SpecialToken special) {
    for (ObjectNode source : List.of(config, map)) {
      JsonNode value = source.path(special.key());
      // Older versions write the token, some write {"content": the token, …}.
      JsonNode token = value.isObject() ? value.path("content") : value;
      if (token.isTextual()) {
        return Optional.of(token.textValue());
      }
    }
    return Optional.empty();
  }

  /// How the token is written: as a file says, else by the default that the vocabulary has.
  String written(SpecialToken special, Map<String, Integer> vocab) {
    return named(special)
        .or(() -> special.defaults().stream().filter(vocab::containsKey).findFirst())
        .orElse(special.defaults().getFirst());
  }

  /// As [#written].
  ///
  /// @throws TokenizerException if the vocabulary of `vocabFile` does not have it
  String required(SpecialToken special, Map<String, Integer> vocab, Path vocabFile) {
    String token = written(special, vocab);
    if (!vocab.containsKey(token)) {
      throw TokenizerException.in(
          vocabFile,
          "lacks %s, the %s; tokenizer_config.json can name another"
              .formatted(token, special.key()));
    }
    return token;
  }

  /// What the files say of the tokens that they do not only name: which spaces they take in, …
  Map<String, JsonNode> described() {
    Map<String, JsonNode> described = new HashMap<>();
    for (SpecialToken special : SpecialToken.values()) {
      for (ObjectNode source : List.of(map, config)) {
        JsonNode value = source.path(special.key());
        if (value.isObject()) {
          described.put(value.path("content").asText(), value);
        }
      }
    }
    return described;
  }

  /// The ids of those that the vocabulary has.
  Map<SpecialToken, Integer> ids(Vocabulary vocabulary) {
    Map<SpecialToken, Integer> ids = new EnumMap<>(SpecialToken.class);
    for (SpecialToken special : SpecialToken.values()) {
      for (String name : named(special).map(List::of).orElse(special.defaults())) {
        OptionalInt id = vocabulary.id(name);
        if (id.isPresent()) {
          ids.put(special, id.getAsInt());
          break;
        }
      }
    }
    return ids;
  }
}
