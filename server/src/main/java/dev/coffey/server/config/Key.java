package dev.coffey.server.config;

import java.util.Locale;

/// One setting: what it is called, what it may be, what it is when nobody sets it, what it means.
public final class Key<T> {
  private final String name;
  private final ValueType<T> type;
  private final String defaultText;
  private final String meaning;

  Key(String name, ValueType<T> type, String defaultText, String meaning) {
    this.name = name;
    this.type = type;
    this.defaultText = defaultText;
    this.meaning = meaning;
  }

  /// The name in files and with `--set`: `batch.max-delay`.
  public String name() {
    return name;
  }

  /// The name in the environment: `COFFEY_BATCH_MAX_DELAY`.
  public String variable() {
    return "COFFEY_" + name.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
  }

  /// The value where nothing is set, as one would write it.
  public String defaultText() {
    return defaultText;
  }

  /// What is allowed: "a count from 1 to 1024".
  public String allowed() {
    return type.description();
  }

  /// What it means, for a user.
  public String meaning() {
    return meaning;
  }

  ValueType<T> type() {
    return type;
  }

  T defaultValue() {
    return type.read(defaultText).orElseThrow();
  }

  @Override
  public String toString() {
    return name;
  }
}
