package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The fields of one JSON object, read one by one; what is wrong is collected, so that a user hears
/// of everything at once.
final class JsonFields {
  private final Path file;
  private final JsonNode object;
  private final List<String> problems = new ArrayList<>();

  private JsonFields(Path file, JsonNode object) {
    this.file = file;
    this.object = object;
  }

  /// The object in `file`.
  static JsonFields read(Path file) {
    JsonNode node = Json.read(file, Problem.BAD_CONFIG);
    if (!node.isObject()) {
      throw new CheckpointException(
          Problem.BAD_CONFIG, file, "expected a JSON object, found " + Json.describe(node));
    }
    return new JsonFields(file, node);
  }

  /// Whether the object has the key, perhaps with the value null.
  boolean has(String key) {
    return object.has(key);
  }

  /// The value of `key`; empty where it is missing or null.
  Optional<JsonNode> value(String key) {
    JsonNode node = object.get(key);
    return node == null || node.isNull() ? Optional.empty() : Optional.of(node);
  }

  /// A whole number from `least` to `most`; `absent` where the key is missing, or after a problem
  /// was noted. Null is a problem here: a size must be a number.
  int integer(String key, int absent, int least, int most) {
    JsonNode node = object.get(key);
    if (node == null) {
      return absent;
    }
    if (!node.isInt() || node.intValue() < least || node.intValue() > most) {
      wrong(key, "a whole number from " + least + " to " + most, node);
      return absent;
    }
    return node.intValue();
  }

  /// A number from 0 to 1; `absent` where the key is missing, or after a problem was noted.
  float fraction(String key, float absent) {
    JsonNode node = object.get(key);
    if (node == null) {
      return absent;
    }
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= 0 && value <= 1)) {
      wrong(key, "a number from 0 to 1", node);
      return absent;
    }
    return (float) value;
  }

  boolean flag(String key, boolean absent) {
    JsonNode node = object.get(key);
    if (node == null) {
      return absent;
    }
    if (!node.isBoolean()) {
      wrong(key, "true or false", node);
      return absent;
    }
    return node.booleanValue();
  }

  Optional<String> text(String key) {
    Optional<JsonNode> node = value(key);
    if (node.isPresent() && !node.get().isTextual()) {
      wrong(key, "a string", node.get());
      return Optional.empty();
    }
    return node.map(JsonNode::textValue);
  }

  /// A list of strings; empty where the key is missing.
  List<String> texts(String key) {
    Optional<JsonNode> node = value(key);
    if (node.isEmpty()) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    node.get().elements().forEachRemaining(e -> texts.add(e.isTextual() ? e.textValue() : ""));
    if (!node.get().isArray() || texts.contains("")) {
      wrong(key, "a list of strings", node.get());
      return List.of();
    }
    return texts;
  }

  /// Notes that `key` has a value that it may not have.
  void wrong(String key, String expected, JsonNode found) {
    problem(key + ": expected " + expected + ", found " + Json.describe(found));
  }

  void problem(String problem) {
    problems.add(problem);
  }

  /// Throws if anything was noted.
  void check() {
    if (!problems.isEmpty()) {
      throw new CheckpointException(Problem.BAD_CONFIG, file, String.join("; ", problems));
    }
  }
}
