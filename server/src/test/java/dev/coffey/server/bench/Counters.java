package dev.coffey.server.bench;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;

/// A server's metrics at one moment, each summed over its labels.
record Counters(Map<String, Double> values) {
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
    return new Counters(values);
  }

  /// By how much a counter grew since `before`.
  double since(Counters before, String name) {
    return values.getOrDefault(name, 0.0) - before.values.getOrDefault(name, 0.0);
  }
}
