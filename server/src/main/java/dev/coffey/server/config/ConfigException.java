package dev.coffey.server.config;

import java.util.List;

/// The settings can't be used. Each problem is a line for the user that names the key, the value,
/// what is allowed and where it was set.
public final class ConfigException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final transient List<String> problems;

  public ConfigException(List<String> problems) {
    super(String.join("\n", problems));
    this.problems = List.copyOf(problems);
  }

  /// All that is wrong, not just the first.
  public List<String> problems() {
    return problems;
  }
}
