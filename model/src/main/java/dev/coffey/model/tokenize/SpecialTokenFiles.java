package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.EnumMap;
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
