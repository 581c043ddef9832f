package dev.coffey.server.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;

/// All settings of a server, each within its limits; `auto` and `off` are empty.
public record ServerConfig(
    Listen listen,
    Limits limits,
    Batch batch,
    Queue queue,
    Models models,
    Backend backend,
    OptionalInt metricsPort,
    Duration drainTimeout,
    LogLevel logLevel) {

  /// Checks what concerns several sections.
  public ServerConfig {
    if (limits.requestTokens() > queue.maxTokens()) {
      throw new IllegalArgumentException(
          "limits.request-tokens = %d is above queue.max-tokens = %d: such a request could never be queued; lower the first or raise the second"
              .formatted(limits.requestTokens(), queue.maxTokens()));
    }
    if (batch.maxTokens().orElse(0) > queue.maxTokens()) {
      throw new IllegalArgumentException(
          "batch.max-tokens = %d is above queue.max-tokens = %d: a full batch could never gather; lower the first or raise the second"
              .formatted(batch.maxTokens().orElse(0), queue.maxTokens()));
    }
  }

  /// Where and how the server listens: `server.*`.
  public record Listen(String host, int port, Optional<Tls> tls, OptionalInt handlerThreads) {}

  /// The files of a TLS server: `server.tls-*`.
  public record Tls(Path certificate, Path key) {}

  /// What one request, and all together, may ask: `limits.*`.
  public record Limits(
      int messageBytes,
      int metadataBytes,
      int textsPerRequest,
      int requestTokens,
      int requestsInFlight) {}

  /// How batches are cut: `batch.*`.
  public record Batch(
      OptionalInt maxTokens, int maxTexts, Duration maxDelay, Duration aging, int faultLimit) {}

  /// What may wait for one model: `queue.*`.
  public record Queue(int maxTokens, int maxRequests) {}

  /// Which models are served, and how long each may warm up: `models.*`, `warm-up.*`.
  public record Models(Optional<Path> folder, Duration warmUpLimit) {}

  /// What computes: `backend.*`.
  public record Backend(String name, OptionalInt threads) {}

  static ServerConfig read(ConfigReader reader) {
    Optional<Path> certificate = reader.get(Keys.TLS_CERT);
    Optional<Path> key = reader.get(Keys.TLS_KEY);
    if (certificate.isPresent() != key.isPresent()) {
      reader.problem(
          "%s is set and %s is not: TLS needs both"
              .formatted(
                  certificate.isPresent() ? Keys.TLS_CERT : Keys.TLS_KEY,
                  certificate.isPresent() ? Keys.TLS_KEY : Keys.TLS_CERT));
    }
    Optional<Tls> tls = certificate.flatMap(chain -> key.map(secret -> new Tls(chain, secret)));
    Listen listen =
        new Listen(
            reader.get(Keys.HOST), reader.get(Keys.PORT), tls, reader.get(Keys.HANDLER_THREADS));
    Limits limits =
        new Limits(
            reader.get(Keys.MESSAGE_SIZE),
            reader.get(Keys.METADATA_SIZE),
            reader.get(Keys.TEXTS_PER_REQUEST),
            reader.get(Keys.REQUEST_TOKENS),
            reader.get(Keys.REQUESTS_IN_FLIGHT));
    Batch batch =
        new Batch(
            reader.get(Keys.BATCH_MAX_TOKENS),
            reader.get(Keys.BATCH_MAX_TEXTS),
            reader.get(Keys.BATCH_MAX_DELAY),
            reader.get(Keys.BATCH_AGING),
            reader.get(Keys.BATCH_FAULT_LIMIT));
    Queue queue = new Queue(reader.get(Keys.QUEUE_MAX_TOKENS), reader.get(Keys.QUEUE_MAX_REQUESTS));
    Models models = new Models(reader.get(Keys.MODELS_DIR), reader.get(Keys.WARM_UP_LIMIT));
    Backend backend = new Backend(reader.get(Keys.BACKEND), reader.get(Keys.THREADS));
    OptionalInt metricsPort = reader.get(Keys.METRICS_PORT);
    Duration drainTimeout = reader.get(Keys.DRAIN_TIMEOUT);
    LogLevel logLevel = reader.get(Keys.LOG_LEVEL);
    return reader.finish(() ->
        new ServerConfig(
            listen, limits, batch, queue, models, backend, metricsPort, drainTimeout, logLevel));
  }
}
