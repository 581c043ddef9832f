package dev.coffey.server.config;

import dev.coffey.server.names.NearNames;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// Where settings come from: flags win over the environment, which wins over the file, which wins
/// over the defaults.
///
/// @param file lines of `key = value`; `#` starts a comment
/// @param environment the process's; only names that start with `COFFEY_` are looked at
/// @param flags in the order given; the same key twice is an error
public record ConfigSources(
    Optional<Path> file, Map<String, String> environment, List<Setting> flags) {
  private static final String PREFIX = "COFFEY_";

  /// Read by the launcher, not by the server.
  private static final Set<String> FOREIGN = Set.of("COFFEY_JAVA_OPTS");

  /// A server's settings, and where each that isn't a default came from.
  public record Loaded(ServerConfig config, Map<String, Setting> settings) {
    /// One line with every value: first what was set, with its origin, then the defaults.
    public String summary() {
      String set =
          Keys.ALL.stream()
              .filter(key -> settings.containsKey(key.name()))
              .map(key -> settings.get(key.name()))
              .map(setting ->
                  "%s=%s (%s)".formatted(setting.key(), setting.text(), setting.origin()))
              .collect(Collectors.joining(", "));
      String defaults =
          Keys.ALL.stream()
              .filter(key -> !settings.containsKey(key.name()))
              .map(key -> key.name() + "=" + key.defaultText())
              .collect(Collectors.joining(" "));
      return (set.isEmpty() ? "all defaults: " : set + "; defaults: ") + defaults;
    }
  }

  /// Reads all sources.
  ///
  /// @param processors what `auto` counts
  /// @throws ConfigException naming everything that is wrong in them
  public Loaded load(int processors) {
    List<String> problems = new ArrayList<>();
    Map<String, Setting> settings = new LinkedHashMap<>();
    fromFile(problems).forEach(setting -> settings.put(setting.key(), setting));
    fromEnvironment(problems).forEach(setting -> settings.put(setting.key(), setting));
    unique(flags, problems).forEach(setting -> settings.put(setting.key(), setting));
    Set<String> names = Keys.ALL.stream().map(Key::name).collect(Collectors.toSet());
    for (Setting setting : List.copyOf(settings.values())) {
      if (!names.contains(setting.key())) {
        settings.remove(setting.key());
        problems.add(unknown(setting.key(), setting.origin(), names));
      }
    }
    return new Loaded(
        ServerConfig.read(new ConfigReader(settings, problems), processors), Map.copyOf(settings));
  }

  private static String unknown(String name, String origin, Collection<String> known) {
    // The third nearest is as a rule a far cry: all keys of a section are alike.
    List<String> near = NearNames.of(name, known).stream().limit(2).toList();
    return "%s (%s): no such key%s"
        .formatted(
            name,
            origin,
            near.isEmpty()
                ? "; 'coffey config' lists them"
                : "; did you mean " + String.join(" or ", near) + "?");
  }

  private static List<Setting> unique(List<Setting> settings, List<String> problems) {
    Map<String, Setting> first = new LinkedHashMap<>();
    for (Setting setting : settings) {
      Setting before = first.putIfAbsent(setting.key(), setting);
      if (before != null) {
        problems.add(
            "%s is set twice: to %s (%s) and to %s (%s)"
                .formatted(
                    setting.key(),
                    before.text(),
                    before.origin(),
                    setting.text(),
                    setting.origin()));
      }
    }
    return List.copyOf(first.values());
  }

  private List<Setting> fromFile(List<String> problems) {
    if (file.isEmpty()) {
      return List.of();
    }
    Path path = file.get();
    List<String> lines;
    try {
      lines = Files.readAllLines(path);
    } catch (NoSuchFileException _) {
      problems.add("%s (--config): no such file".formatted(path));
      return List.of();
    } catch (MalformedInputException _) {
      problems.add("%s (--config): is not UTF-8 text".formatted(path));
      return List.of();
    } catch (IOException e) {
      problems.add("%s (--config): can't be read: %s".formatted(path, e.getMessage()));
      return List.of();
    }
    List<Setting> settings = new ArrayList<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i).strip();
      String origin = path.getFileName() + ":" + (i + 1);
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      int equals = line.indexOf('=');
      if (equals < 1) {
        problems.add("%s: expected key = value, got '%s'".formatted(origin, line));
        continue;
      }
      settings.add(
          new Setting(
              line.substring(0, equals).strip(), line.substring(equals + 1).strip(), origin));
    }
    return unique(settings, problems);
  }

  private List<Setting> fromEnvironment(List<String> problems) {
    Map<String, String> keys =
        Keys.ALL.stream().collect(Collectors.toMap(Key::variable, Key::name));
    Set<String> serviceLinks = serviceLinks();
    List<Setting> settings = new ArrayList<>();
    new TreeMap<>(environment)
        .forEach((variable, text) -> {
          if (!variable.startsWith(PREFIX)
              || FOREIGN.contains(variable)
              || serviceLinks.contains(variable)) {
            return;
          }
          String key = keys.get(variable);
          if (key == null) {
            problems.add(unknown(variable, "environment", keys.keySet()));
          } else {
            settings.add(new Setting(key, text.strip(), variable));
          }
        });
    return settings;
  }

  /// The variables that Kubernetes adds to each container for each Service of its namespace. For a
  /// Service `coffey` they are `COFFEY_SERVICE_HOST`, `COFFEY_PORT=tcp://…`,
  /// `COFFEY_PORT_8500_TCP_ADDR` …, and for one called `coffey-server` there is a
  /// `COFFEY_SERVER_PORT` that is no port number. They are nobody's settings.
  private Set<String> serviceLinks() {
    Set<String> links = new TreeSet<>();
    for (String host : environment.keySet()) {
      if (!host.startsWith("COFFEY") || !host.endsWith("_SERVICE_HOST")) {
        continue;
      }
      String service = host.substring(0, host.length() - "_SERVICE_HOST".length());
      for (String variable : environment.keySet()) {
        boolean link =
            variable.startsWith(service + "_SERVICE_")
                || variable.startsWith(service + "_PORT_")
                || (variable.equals(service + "_PORT")
                    && environment.get(variable).contains("://"));
        if (link) {
          links.add(variable);
        }
      }
    }
    return links;
  }
}
