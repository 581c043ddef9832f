package dev.coffey.server.config;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Devices;
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// All settings of a server. `docs/configuration.md` has them as a table; a test holds the two
/// together.
public final class Keys {
  public static final Key<String> HOST =
      new Key<>(
          "server.host",
          ValueType.word("a host name or an address", "[A-Za-z0-9.:_\\[\\]%-]{1,253}"),
          "127.0.0.1",
          "Address that the server listens at; 0.0.0.0 for all. Only this machine reaches the default.");
  public static final Key<Integer> PORT =
      new Key<>(
          "server.port", ValueType.count(0, 65535), "8500", "Port for gRPC; 0 takes any free one.");
  public static final Key<Optional<Path>> TLS_CERT =
      new Key<>(
          "server.tls-cert",
          ValueType.pathOrNone(),
          "none",
          "Certificate chain in PEM. With server.tls-key: the gRPC port speaks TLS only.");
  public static final Key<Optional<Path>> TLS_KEY =
      new Key<>(
          "server.tls-key",
          ValueType.pathOrNone(),
          "none",
          "Private key of server.tls-cert, PKCS #8 in PEM.");
  public static final Key<OptionalInt> HANDLER_THREADS =
      new Key<>(
          "server.handler-threads",
          ValueType.countOr("auto", 1, 4096),
          "auto",
          "Threads that decode, tokenize and answer; auto: two a core, at least 4.");
  public static final Key<Integer> METADATA_SIZE =
      new Key<>(
          "limits.metadata-size", ValueType.bytes("1KiB", "1MiB"), "8KiB", "Headers of a call.");
  public static final Key<Integer> MESSAGE_SIZE =
      new Key<>(
          "limits.message-size",
          ValueType.bytes("1KiB", "1GiB"),
          "16MiB",
          "Size of a request message; larger ones are refused unread.");
  public static final Key<Integer> RESPONSE_SIZE =
      new Key<>(
          "limits.response-size",
          ValueType.bytes("1KiB", "1GiB"),
          "64MiB",
          "Size of an answer; a request that would need more is refused before it is computed.");
  public static final Key<Integer> TEXTS_PER_REQUEST =
      new Key<>(
          "limits.texts-per-request", ValueType.count(1, 65536), "1024", "Inputs in one request.");
  public static final Key<Integer> REQUEST_TOKENS =
      new Key<>(
          "limits.request-tokens",
          ValueType.count(1, 1 << 24),
          "65536",
          "Tokens in one request, all its texts together; at most queue.max-tokens.");
  public static final Key<Integer> REQUESTS_IN_FLIGHT =
      new Key<>(
          "limits.requests-in-flight",
          ValueType.count(1, 1 << 20),
          "1024",
          "Requests being handled at once, all models together; more are refused with RESOURCE_EXHAUSTED.");
  public static final Key<OptionalInt> BATCH_MAX_TOKENS =
      new Key<>(
          "batch.max-tokens",
          ValueType.countOr("auto", 1, 1 << 24),
          "auto",
          "Tokens in a batch; a longer text goes alone. auto: measured at warm-up, the smallest count near the best throughput.");
  public static final Key<Integer> BATCH_MAX_TEXTS =
      new Key<>("batch.max-texts", ValueType.count(1, 65536), "256", "Texts in a batch.");
  public static final Key<Duration> BATCH_MAX_DELAY =
      new Key<>(
          "batch.max-delay",
          ValueType.duration("0ms", "10s"),
          "0ms",
          "How long an idle device waits for company to fill a batch; 0ms: never.");
  public static final Key<Duration> BATCH_AGING =
      new Key<>(
          "batch.aging",
          ValueType.duration("1ms", "24h"),
          "5s",
          "A request goes before one of the next higher priority that came this much later.");
  public static final Key<Integer> BATCH_FAULT_LIMIT =
      new Key<>(
          "batch.fault-limit",
          ValueType.count(1, 1 << 20),
          "3",
          "Failed batches of a model in a row until its health turns NOT_SERVING.");
  public static final Key<Integer> QUEUE_MAX_TOKENS =
      new Key<>(
          "queue.max-tokens",
          ValueType.count(1, 1 << 30),
          "65536",
          "Tokens that may wait, per model; more are refused with RESOURCE_EXHAUSTED.");
  public static final Key<Integer> QUEUE_MAX_REQUESTS =
      new Key<>(
          "queue.max-requests",
          ValueType.count(1, 1 << 20),
          "1024",
          "Requests that may wait, per model.");
  public static final Key<Optional<Path>> MODELS_DIR =
      new Key<>(
          "models.dir",
          ValueType.pathOrNone(),
          "none",
          "A Hugging Face folder, or a folder of them; none: the built-in model.");
  public static final Key<Duration> WARM_UP_LIMIT =
      new Key<>(
          "warm-up.limit",
          ValueType.duration("1ms", "10min"),
          "10s",
          "How long warming up one model may take before it serves all the same.");
  public static final Key<ReadyWhen> READY_WHEN =
      new Key<>(
          "warm-up.ready-when",
          ValueType.choice(ReadyWhen.class),
          "loaded",
          "When a model answers: loaded (it warms up while it serves, its first seconds are slower), or warm. On a GPU always warm.");
  public static final Key<String> BACKEND =
      new Key<>(
          "backend.name",
          ValueType.word("auto, or a backend's name", "[a-z][a-z0-9-]{0,31}"),
          "auto",
          "What computes: auto (the best that runs here), vector, scalar, cuda.");
  public static final Key<OptionalInt> THREADS =
      new Key<>(
          "backend.threads",
          ValueType.countOr("auto", 1, 1024),
          "auto",
          "Threads that compute; auto: one a core.");
  public static final Key<DType> PRECISION =
      new Key<>(
          "backend.precision",
          ValueType.choice(DType.class, DType::word),
          "fp32",
          "How weights and activations are stored; sums are fp32. fp16 and bf16 (from compute capability 8.0 on) need cuda.");
  public static final Key<Devices> DEVICE =
      new Key<>(
          "backend.device",
          ValueType.devices(1023),
          "0",
          "Which of several GPUs, as the driver counts them: 0, or 0,1, or all. Each has the models and takes its batches from the same queues.");
  public static final Key<DeviceLoss> DEVICE_LOST =
      new Key<>(
          "backend.device-lost",
          ValueType.choice(DeviceLoss.class),
          "exit",
          "When the driver has given up the last GPU, which no call brings back: exit with 1, for whoever restarts the server, or stay, refusing all, with health NOT_SERVING.");
  public static final Key<OptionalInt> METRICS_PORT =
      new Key<>(
          "metrics.port",
          ValueType.countOr("off", 0, 65535),
          "off",
          "Port for Prometheus, at server.host; 0 takes any free one.");
  public static final Key<Duration> DRAIN_TIMEOUT =
      new Key<>(
          "drain.timeout",
          ValueType.duration("0ms", "1h"),
          "20s",
          "How long a stopping server answers what it has taken in.");
  public static final Key<LogLevel> LOG_LEVEL =
      new Key<>(
          "log.level",
          ValueType.choice(LogLevel.class),
          "info",
          "How much the server's log on stderr says.");

  /// Every key, as they are listed.
  public static final List<Key<?>> ALL =
      List.of(
          HOST,
          PORT,
          TLS_CERT,
          TLS_KEY,
          HANDLER_THREADS,
          MESSAGE_SIZE,
          METADATA_SIZE,
          RESPONSE_SIZE,
          TEXTS_PER_REQUEST,
          REQUEST_TOKENS,
          REQUESTS_IN_FLIGHT,
          BATCH_MAX_TOKENS,
          BATCH_MAX_TEXTS,
          BATCH_MAX_DELAY,
          BATCH_AGING,
          BATCH_FAULT_LIMIT,
          QUEUE_MAX_TOKENS,
          QUEUE_MAX_REQUESTS,
          MODELS_DIR,
          WARM_UP_LIMIT,
          READY_WHEN,
          BACKEND,
          THREADS,
          PRECISION,
          DEVICE,
          DEVICE_LOST,
          METRICS_PORT,
          DRAIN_TIMEOUT,
          LOG_LEVEL);

  private Keys() {}
}
