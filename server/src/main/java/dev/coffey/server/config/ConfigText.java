package dev.coffey.server.config;

/// The settings as text for a person.
public final class ConfigText {
  private ConfigText() {}

  /// A file with every key, its meaning and its default; as it is it changes nothing.
  public static String defaults() {
    StringBuilder text =
        new StringBuilder(
            """
            # The settings of a Coffey server, with their defaults. Save this, remove the # before what you change, and start
            # with: coffey serve --config FILE. A key can also be set with --set key=value, or in the environment, as
            # COFFEY_BATCH_MAX_DELAY=2ms. Flags win over the environment, and the environment over the file.
            """);
    for (Key<?> key : Keys.ALL) {
      text.append('\n');
      text.append("# ").append(key.meaning()).append('\n');
      text.append("# (").append(key.allowed()).append(")\n");
      text.append("#").append(key.name()).append(" = ").append(key.defaultText()).append('\n');
    }
    return text.toString();
  }
}
