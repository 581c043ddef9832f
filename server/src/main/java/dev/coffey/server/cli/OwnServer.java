package dev.coffey.server.cli;

import dev.coffey.server.Engine;
import dev.coffey.server.config.ServerConfig;
import dev.coffey.server.grpc.GrpcServer;
import dev.coffey.server.metrics.MetricsEndpoint;
import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/// A server in this process, on any free port of this machine, for measurements that name none.
///
/// @param model the name that it serves
record OwnServer(String model, Engine engine, GrpcServer server, MetricsEndpoint metrics)
    implements AutoCloseable {
  private static final String LOCALHOST = "127.0.0.1";

  /// Starts it and warms it up.
  static OwnServer start(Surroundings surroundings, ServerConfig config, Path folder) {
    Engine engine = surroundings.engines().apply(config);
    try {
      GrpcServer server = GrpcServer.start(config.grpc(), engine.services());
      try {
        MetricsEndpoint metrics = MetricsEndpoint.open(LOCALHOST, 0, engine.metrics().registry());
        try (ModelSource source = ModelSource.of(Optional.of(folder))) {
          engine.load(source.models());
          return new OwnServer(source.models().getFirst().name(), engine, server, metrics);
        } catch (RuntimeException | Error e) {
          metrics.close();
          throw e;
        }
      } catch (RuntimeException | Error e) {
        server.close();
        throw e;
      }
    } catch (RuntimeException | Error e) {
      engine.close();
      throw e;
    }
  }

  String target() {
    return LOCALHOST + ":" + server.port();
  }

  URI metricsUrl() {
    return URI.create("http://%s:%d/metrics".formatted(LOCALHOST, metrics.port()));
  }

  String description() {
    return "Coffey in this process, " + engine.backend();
  }

  @Override
  public void close() {
    metrics.close();
    server.close();
    engine.close();
  }
}
