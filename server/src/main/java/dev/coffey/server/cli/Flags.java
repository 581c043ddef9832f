package dev.coffey.server.cli;

import dev.coffey.server.config.ConfigException;
import dev.coffey.server.config.Key;
import dev.coffey.server.config.Setting;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Collects the settings that flags make.
final class Flags {
  private final List<Setting> settings = new ArrayList<>();

  /// What a flag of its own sets; null if it was not given.
  void add(Key<?> key, String flag, @Nullable String value) {
    if (value != null) {
      settings.add(new Setting(key.name(), value.strip(), flag));
    }
  }

  /// What `--set` sets.
  ///
  /// @throws ConfigException if one has no `=`
  void addAll(List<String> pairs) {
    for (String pair : pairs) {
      int equals = pair.indexOf('=');
      if (equals < 1) {
        throw new ConfigException(List.of("--set " + pair + ": expected key=value"));
      }
      settings.add(
          new Setting(
              pair.substring(0, equals).strip(), pair.substring(equals + 1).strip(), "--set"));
    }
  }

  List<Setting> settings() {
    return List.copyOf(settings);
  }
}
