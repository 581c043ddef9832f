package dev.coffey.server.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// A server's metrics at one moment, each summed over its labels.
record MetricsReading(Map<String, Double> values) {
  /// Reads them from where the server shows them, such as `http://127.0.0.1:9700/metrics`.
  static MetricsReading read(URI address) {
    try (InputStream in = address.toURL().openStream()) {
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "can't read metrics from %s: %s".formatted(address, e.getMessage()), e);
    }
  }

  /// Reads Prometheus' text. The buckets of histograms are left out.
  static MetricsReading parse(String text) {
    Map<String, Double> values = new HashMap<>();
    text.lines()
        .filter(line -> !line.startsWith("#") && line.contains(" "))
        .forEach(line -> {
          String name = line.substring(0, line.lastIndexOf(' '));
          int labels = name.indexOf('{');
          values.merge(
              labels < 0 ? name : name.substring(0, labels),
              Double.valueOf(line.substring(line.lastIndexOf(' ') + 1)),
              Double::sum);
        });
    return new MetricsReading(Map.copyOf(values));
  }

  /// By how much a counter grew since `before`.
  double since(MetricsReading before, String name) {
    return values.getOrDefault(name, 0.0) - before.values.getOrDefault(name, 0.0);
  }
}
