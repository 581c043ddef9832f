package dev.coffey.server.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/// Reads values by key and notes everything that is wrong, so that the user hears of it all at
/// once.
final class ConfigReader {
  private final Map<String, Setting> settings;
  private final List<String> problems;

  ConfigReader(Map<String, Setting> settings, List<String> problems) {
    this.settings = settings;
    this.problems = new ArrayList<>(problems);
  }

  /// The key's value; its default where it is not set, or not well.
  <T> T get(Key<T> key) {
    Setting setting = settings.get(key.name());
    if (setting == null) {
      return key.defaultValue();
    }
    Optional<T> value = key.type().read(setting.text());
    if (value.isEmpty()) {
      problem(
          "%s = %s (%s): must be %s"
              .formatted(key, quoted(setting.text()), setting.origin(), key.allowed()));
    }
    return value.orElseGet(key::defaultValue);
  }

  void problem(String problem) {
    problems.add(problem);
  }

  /// What `values` makes, whose own rules are heard only where each value is good by itself.
  ///
  /// @throws ConfigException if anything was wrong
  <T> T finish(Supplier<T> values) {
    if (problems.isEmpty()) {
      try {
        return values.get();
      } catch (IllegalArgumentException e) {
        problems.add(String.valueOf(e.getMessage()));
      }
    }
    throw new ConfigException(problems);
  }

  private static String quoted(String text) {
    String shown = text.length() <= 80 ? text : text.substring(0, 80) + "…";
    return shown.isEmpty() || shown.contains(" ") ? "'" + shown + "'" : shown;
  }
}
