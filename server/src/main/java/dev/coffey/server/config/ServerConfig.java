package dev.coffey.server.config;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Devices;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.grpc.GrpcConfig;
import dev.coffey.server.registry.RegistryConfig;
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// All settings of a server, each within its limits.
///
/// @param grpc `server.*` and `limits.*`
/// @param batch `batch.*` and `queue.*`
/// @param registry `warm-up.*`
/// @param models `models.dir`; empty for the built-in model
/// @param backend `backend.*`
/// @param metricsPort `metrics.port`; empty for off
/// @param drainTimeout `drain.timeout`
/// @param logLevel `log.level`
public record ServerConfig(
    GrpcConfig grpc,
    BatchConfig batch,
    RegistryConfig registry,
    Optional<Path> models,
    Backend backend,
    OptionalInt metricsPort,
    Duration drainTimeout,
    LogLevel logLevel) {

  /// Checks what concerns two sections.
  public ServerConfig {
    if (grpc.maxRequestTokens() > batch.queueMaxTokens()) {
      throw new IllegalArgumentException(
          "limits.request-tokens = %d is above queue.max-tokens = %d: such a request could never be queued; lower the first or raise the second"
              .formatted(grpc.maxRequestTokens(), batch.queueMaxTokens()));
    }
  }

  /// What computes.
  ///
  /// @param name `backend.name`
  /// @param threads `backend.threads`
  /// @param precision `backend.precision`
  /// @param devices `backend.device`
  /// @param deviceLoss `backend.device-lost`
  public record Backend(
      String name, int threads, DType precision, Devices devices, DeviceLoss deviceLoss) {
    /// The backend to open, and what it is opened with.
    ///
    /// @throws dev.coffey.kernels.BackendRefusedException if it can't run here
    public KernelsSelector.Selection select(List<KernelsProvider> providers) {
      return KernelsSelector.select(
          name, providers, new KernelsOptions(threads, precision, 0), devices);
    }
  }

  /// @param processors what `auto` counts
  static ServerConfig read(ConfigReader reader, int processors) {
    String host = reader.get(Keys.HOST);
    int port = reader.get(Keys.PORT);
    Optional<GrpcConfig.Tls> tls = tls(reader);
    int handlerThreads = reader.get(Keys.HANDLER_THREADS).orElse(Math.max(4, 2 * processors));
    int messageBytes = reader.get(Keys.MESSAGE_SIZE);
    int metadataBytes = reader.get(Keys.METADATA_SIZE);
    int responseBytes = reader.get(Keys.RESPONSE_SIZE);
    int texts = reader.get(Keys.TEXTS_PER_REQUEST);
    int requestTokens = reader.get(Keys.REQUEST_TOKENS);
    int calls = reader.get(Keys.REQUESTS_IN_FLIGHT);
    int batchTokens = reader.get(Keys.BATCH_MAX_TOKENS).orElse(0);
    int batchTexts = reader.get(Keys.BATCH_MAX_TEXTS);
    Duration delay = reader.get(Keys.BATCH_MAX_DELAY);
    Duration aging = reader.get(Keys.BATCH_AGING);
    int faultLimit = reader.get(Keys.BATCH_FAULT_LIMIT);
    int queueTokens = reader.get(Keys.QUEUE_MAX_TOKENS);
    int queueRequests = reader.get(Keys.QUEUE_MAX_REQUESTS);
    Optional<Path> models = reader.get(Keys.MODELS_DIR);
    Duration warmUpLimit = reader.get(Keys.WARM_UP_LIMIT);
    ReadyWhen readyWhen = reader.get(Keys.READY_WHEN);
    Backend backend =
        new Backend(
            reader.get(Keys.BACKEND),
            reader.get(Keys.THREADS).orElse(processors),
            reader.get(Keys.PRECISION),
            reader.get(Keys.DEVICE),
            reader.get(Keys.DEVICE_LOST));
    OptionalInt metricsPort = reader.get(Keys.METRICS_PORT);
    Duration drainTimeout = reader.get(Keys.DRAIN_TIMEOUT);
    LogLevel logLevel = reader.get(Keys.LOG_LEVEL);
    return reader.finish(() ->
        new ServerConfig(
            new GrpcConfig(
                host,
                port,
                tls,
                handlerThreads,
                messageBytes,
                metadataBytes,
                responseBytes,
                texts,
                requestTokens,
                calls),
            new BatchConfig(
                batchTokens, batchTexts, delay, aging, queueTokens, queueRequests, faultLimit),
            new RegistryConfig(warmUpLimit, batchTokens, batchTexts, readyWhen),
            models,
            backend,
            metricsPort,
            drainTimeout,
            logLevel));
  }

  private static Optional<GrpcConfig.Tls> tls(ConfigReader reader) {
    Optional<Path> certificate = reader.get(Keys.TLS_CERT);
    Optional<Path> key = reader.get(Keys.TLS_KEY);
    if (certificate.isPresent() != key.isPresent()) {
      reader.problem(
          "%s is set and %s is not: TLS needs both"
              .formatted(
                  certificate.isPresent() ? Keys.TLS_CERT : Keys.TLS_KEY,
                  certificate.isPresent() ? Keys.TLS_KEY : Keys.TLS_CERT));
    }
    return certificate.flatMap(chain -> key.map(secret -> new GrpcConfig.Tls(chain, secret)));
  }
}
