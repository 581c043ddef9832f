package dev.coffey.model.checkpoint;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The families that Coffey runs: `model_type` in `config.json`, and how Hugging Face's classes of
/// the family begin.
enum ModelType {
  DISTILBERT("distilbert", "DistilBert"),
  BERT("bert", "Bert"),
  ALBERT("albert", "Albert"),
  MOBILEBERT("mobilebert", "MobileBert");

  private final String key;
  private final String classPrefix;

  ModelType(String key, String classPrefix) {
    this.key = key;
    this.classPrefix = classPrefix;
  }

  /// As `model_type` has it.
  String key() {
    return key;
  }

  /// What the family's class names begin with.
  String classPrefix() {
    return classPrefix;
  }

  static Optional<ModelType> named(String key) {
    return Arrays.stream(values()).filter(type -> type.key.equals(key)).findFirst();
  }

  /// The family of a class such as `BertForMaskedLM`.
  static Optional<ModelType> ofClass(String name) {
    return Arrays.stream(values())
        .filter(type ->
            name.equals(type.classPrefix + "Model") || name.startsWith(type.classPrefix + "For"))
        .findFirst();
  }

  static String known() {
    return Arrays.stream(values()).map(ModelType::key).collect(Collectors.joining(", "));
  }
}
