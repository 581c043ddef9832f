package dev.coffey.server.bench;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/// A server's metrics at one moment.
///
/// @param values each summed over its labels
/// @param series each by its name and labels, as they stand there
record MetricsReading(Map<String, Double> values, Map<String, Double> series) {
  /// Reads them from where the server shows them, such as `http://127.0.0.1:9700/metrics`.
  static MetricsReading read(URI address) {
    try (InputStream in = address.toURL().openStream()) {
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(
          "can't read metrics from %s: %s".formatted(address, e.getMessage()), e);
    }
  }

  /// Reads Prometheus' text.
  static MetricsReading parse(String text) {
    Map<String, Double> values = new HashMap<>();
    Map<String, Double> series = new HashMap<>();
    text.lines()
        .filter(line -> !line.startsWith("#") && line.contains(" "))
        .forEach(line -> {
          String name = line.substring(0, line.lastIndexOf(' '));
          double value = Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
          int labels = name.indexOf('{');
          values.merge(labels < 0 ? name : name.substring(0, labels), value, Double::sum);
          series.put(name, value);
        });
    return new MetricsReading(Map.copyOf(values), Map.copyOf(series));
  }

  /// What a metric shows; 0 if there is none of that name.
  double value(String name) {
    return values.getOrDefault(name, 0.0);
  }

  /// How many observations of a histogram without labels are at most `bound`.
  double bucket(String name, String bound) {
    return series.getOrDefault("%s_bucket{le=\"%s\"}".formatted(name, bound), 0.0);
  }

  /// By how much a counter grew since `before`.
  double since(MetricsReading before, String name) {
    return value(name) - before.value(name);
  }
}
