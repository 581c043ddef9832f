package dev.coffey.server.metrics;

import io.prometheus.metrics.exporter.httpserver.HTTPServer;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;

/// Shows the metrics over HTTP: Prometheus' text at `/metrics`.
public final class MetricsEndpoint implements AutoCloseable {
  private final HTTPServer server;

  private MetricsEndpoint(HTTPServer server) {
    this.server = server;
  }

  /// Listens.
  ///
  /// @param port 0 for any that is free
  /// @throws UncheckedIOException if it can't, with a message for the user
  public static MetricsEndpoint open(String host, int port, PrometheusRegistry registry) {
    try {
      return new MetricsEndpoint(
          HTTPServer.builder().hostname(host).port(port).registry(registry).buildAndStart());
    } catch (IOException e) {
      throw new UncheckedIOException(
          "metrics: can't listen on %s:%d: %s; choose another metrics port"
              .formatted(host, port, e.getMessage()),
          e);
    }
  }

  /// The port that it listens on.
  public int port() {
    return server.getPort();
  }

  @Override
  public void close() {
    server.close();
  }
}
