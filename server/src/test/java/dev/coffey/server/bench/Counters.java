package dev.coffey.server.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/// A server's metrics at one moment, each summed over its labels.
///
/// @param buckets of histograms without labels: by name and upper bound, as they stand there
record Counters(Map<String, Double> values, Map<String, Double> buckets) {
  /// Reads them from where the server shows them, such as `http://127.0.0.1:9700/metrics`.
  static Counters read(String url) throws IOException, InterruptedException {
    String text;
    try (HttpClient http = HttpClient.newHttpClient()) {
      text =
          http.send(
                  HttpRequest.newBuilder(URI.create(url)).build(),
                  HttpResponse.BodyHandlers.ofString())
              .body();
    }
    Map<String, Double> values = new ConcurrentSkipListMap<>();
    Map<String, Double> buckets = new ConcurrentSkipListMap<>();
    text.lines()
        .filter(line -> !line.startsWith("#") && line.contains(" "))
        .forEach(line -> {
          String name = line.substring(0, line.lastIndexOf(' '));
          double value = Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1));
          int labels = name.indexOf('{');
          values.merge(labels < 0 ? name : name.substring(0, labels), value, Double::sum);
          buckets.put(name, value);
        });
    return new Counters(values, buckets);
  }

  /// What a metric shows; 0 if there is none of that name.
  double value(String name) {
    return values.getOrDefault(name, 0.0);
  }

  /// How many observations of a histogram without labels are at most `bound`.
  double bucket(String name, String bound) {
    return buckets.getOrDefault("%s_bucket{le=\"%s\"}".formatted(name, bound), 0.0);
  }

  /// By how much a counter grew since `before`.
  double since(Counters before, String name) {
    return value(name) - before.value(name);
  }
}
