package dev.coffey.server.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/// The caches of the first processor, as Linux tells them.
public final class Caches {
  private Caches() {}

  /// `L1 data 32K`, by `/sys` below `root`; empty on another system.
  public static List<String> read(Path root) {
    Path folder = root.resolve("sys/devices/system/cpu/cpu0/cache");
    try (Stream<Path> caches = Files.list(folder)) {
      return caches
          .filter(cache -> cache.getFileName().toString().startsWith("index"))
          .sorted()
          .map(cache ->
              "L%s %s %s"
                  .formatted(
                      text(cache.resolve("level")),
                      text(cache.resolve("type")).toLowerCase(Locale.ROOT),
                      text(cache.resolve("size"))))
          .toList();
    } catch (IOException _) {
      return List.of();
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException _) {
      return "?";
    }
  }
}
