package dev.coffey.server.cli;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.server.Engine;
import dev.coffey.server.config.ConfigSources;
import dev.coffey.server.config.DeviceLoss;
import dev.coffey.server.config.Keys;
import dev.coffey.server.config.ServerConfig;
import dev.coffey.server.config.Setting;
import dev.coffey.server.grpc.GrpcServer;
import dev.coffey.server.metrics.MetricsEndpoint;
import dev.coffey.server.registry.ModelStatus;
import dev.coffey.server.registry.ModelTask;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey serve`: from settings to a server that runs until a signal.
@Command(
    name = "serve",
    description =
        "Serves models over gRPC until SIGTERM or SIGINT, then answers what it has taken in and exits with 0.",
    footer = {
      "",
      "Each setting has a key; 'coffey config' lists them all. They come from flags, then from the environment",
      "(COFFEY_BATCH_MAX_DELAY=2ms), then from the file."
    })
final class Serve implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(Serve.class);

  /// How long closing may take after draining, before the process ends all the same: a device that
  /// hangs must not keep it.
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(10);

  private final Surroundings surroundings;

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "Port for gRPC (default 8500); 0 takes any free one.")
  private @Nullable String port;

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description = "Address to listen at (default 127.0.0.1).")
  private @Nullable String host;

  @Option(
      names = "--models",
      paramLabel = "DIR",
      description = "A Hugging Face folder, or a folder of them (default: the built-in model).")
  private @Nullable String models;

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      description = "auto, vector, scalar or cuda (default auto).")
  private @Nullable String backend;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads that compute (default: one a core).")
  private @Nullable String threads;

  @Option(
      names = "--precision",
      paramLabel = "NAME",
      description = "fp32, fp16 or bf16 (default fp32); the last two with cuda.")
  private @Nullable String precision;

  @Option(
      names = "--device",
      paramLabel = "N[,N...]",
      description = "Which of several GPUs, or all (default 0).")
  private @Nullable String device;

  @Option(
      names = "--max-batch-tokens",
      paramLabel = "N",
      description = "Tokens in a batch (default: measured at warm-up).")
  private @Nullable String maxBatchTokens;

  @Option(
      names = "--tls-cert",
      paramLabel = "FILE",
      description = "Certificate chain in PEM; with --tls-key.")
  private @Nullable String tlsCert;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "Its private key, PKCS #8 in PEM.")
  private @Nullable String tlsKey;

  @Option(
      names = "--metrics-port",
      paramLabel = "N",
      description = "Port for Prometheus (default: off).")
  private @Nullable String metricsPort;

  @Option(names = "--config", paramLabel = "FILE", description = "Settings, a key = value a line.")
  private @Nullable Path config;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Sets one key; as often as needed.")
  private List<String> set = new ArrayList<>();

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "debug, info, warn or error (default info).")
  private @Nullable String logLevel;

  Serve(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws InterruptedException {
    ConfigSources.Loaded loaded =
        new ConfigSources(Optional.ofNullable(config), surroundings.environment(), flags())
            .load(surroundings.processors());
    Logs.setLevel(loaded.config().logLevel());
    log.info("config: {}", loaded.summary());
    CompletableFuture<String> stop = new CompletableFuture<>();
    StopSignals.handle(stop::complete, Serve::giveUp);
    try (ModelSource source = ModelSource.of(loaded.config().models());
        Engine engine = surroundings.engines().apply(loaded.config())) {
      logRefusals(engine.selection());
      return serve(loaded.config(), source, engine, stop);
    }
  }

  /// Why the backends that `auto` would rather have taken can't run.
  private static void logRefusals(KernelsSelector.Selection selection) {
    for (KernelsSelector.Verdict verdict : selection.verdicts()) {
      if (verdict.availability() instanceof Availability.Refused(String reason)) {
        log.info("backend {} can't run here: {}", verdict.name(), reason);
      }
    }
  }

  private List<Setting> flags() {
    Flags flags = new Flags();
    flags.add(Keys.PORT, "--port", port);
    flags.add(Keys.HOST, "--host", host);
    flags.add(Keys.MODELS_DIR, "--models", models);
    flags.add(Keys.BACKEND, "--backend", backend);
    flags.add(Keys.THREADS, "--threads", threads);
    flags.add(Keys.PRECISION, "--precision", precision);
    flags.add(Keys.DEVICE, "--device", device);
    flags.add(Keys.BATCH_MAX_TOKENS, "--max-batch-tokens", maxBatchTokens);
    flags.add(Keys.TLS_CERT, "--tls-cert", tlsCert);
    flags.add(Keys.TLS_KEY, "--tls-key", tlsKey);
    flags.add(Keys.METRICS_PORT, "--metrics-port", metricsPort);
    flags.add(Keys.LOG_LEVEL, "--log-level", logLevel);
    flags.addAll(set);
    return flags.settings();
  }

  private int serve(
      ServerConfig config, ModelSource source, Engine engine, CompletableFuture<String> stop)
      throws InterruptedException {
    // The port first: that it is taken should not be found out after the models were warmed up.
    // Until they are, calls
    // are answered with UNAVAILABLE and health with NOT_SERVING.
    try (GrpcServer server = GrpcServer.start(config.grpc(), engine.services())) {
      try (MetricsEndpoint metrics = metrics(config, engine)) {
        engine
            .deviceLost()
            .thenAccept(reason -> {
              if (config.backend().deviceLoss() == DeviceLoss.EXIT) {
                stop.complete(reason);
              } else {
                log.error("{}; the server stays (backend.device-lost = stay)", reason);
              }
            });
        CompletableFuture<Void> ready = load(engine, source);
        awaitEither(ready, stop);
        if (ready.isDone()) {
          surroundings.out().println(readyLine(config, engine, server, metrics));
          surroundings.out().flush();
        }
        log.info("{}: draining for at most {} s", stop.join(), config.drainTimeout().toSeconds());
        giveUpAfter(config.drainTimeout().plus(CLOSE_LIMIT));
        boolean all = server.drain(config.drainTimeout());
        log.info(
            all ? "every call was answered" : "the drain timeout passed: open calls were cut off");
        return engine.deviceLost().toCompletableFuture().isDone()
            ? CommandLineInterface.FAILED
            : CommandLineInterface.DONE;
      }
    }
  }

  private static @Nullable MetricsEndpoint metrics(ServerConfig config, Engine engine) {
    return config.metricsPort().isEmpty()
        ? null
        : MetricsEndpoint.open(
            config.grpc().host(), config.metricsPort().getAsInt(), engine.metrics().registry());
  }

  /// Loads on another thread, so that a signal is heard meanwhile.
  private static CompletableFuture<Void> load(Engine engine, ModelSource source) {
    CompletableFuture<Void> ready = new CompletableFuture<>();
    Thread.ofPlatform()
        .name("coffey-loader")
        .daemon()
        .start(() -> {
          try {
            engine.load(source.models());
            ready.complete(null);
          } catch (RuntimeException | Error e) {
            ready.completeExceptionally(e);
          }
        });
    return ready;
  }

  private static void awaitEither(CompletableFuture<Void> ready, CompletableFuture<String> stop) {
    try {
      CompletableFuture.anyOf(ready, stop).join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  private String readyLine(
      ServerConfig config, Engine engine, GrpcServer server, @Nullable MetricsEndpoint metrics) {
    List<ModelStatus> models = engine.models();
    String names =
        models.stream().map(ModelStatus::name).distinct().collect(Collectors.joining(", "));
    String address = address(config.grpc().host(), server.port());
    StringBuilder line =
        new StringBuilder("coffey: serving ").append(names).append(" on ").append(address);
    if (config.grpc().tls().isPresent()) {
      line.append(" (TLS)");
    }
    if (metrics != null) {
      line.append(", metrics on http://")
          .append(address(config.grpc().host(), metrics.port()))
          .append("/metrics");
    }
    line.append(
        String.format(
            Locale.ROOT,
            "; backend %s; started in %.1f s; try: %s",
            engine.backend(),
            ManagementFactory.getRuntimeMXBean().getUptime() / 1000.0,
            tryThis(config, models, server.port())));
    return line.toString();
  }

  private static String address(String host, int port) {
    return (host.contains(":") && !host.startsWith("[") ? "[" + host + "]" : host) + ":" + port;
  }

  private String tryThis(ServerConfig config, List<ModelStatus> models, int port) {
    String host = config.grpc().host();
    boolean anywhere = host.equals("0.0.0.0") || host.equals("::") || host.equals("[::]");
    String target = address(anywhere ? "127.0.0.1" : host, port);
    String options = target.equals(ClientOptions.DEFAULT_TARGET) ? "" : " --target " + target;
    options +=
        config.grpc().tls().isPresent()
            ? " --tls-ca " + config.grpc().tls().get().certificate()
            : "";
    Optional<ModelStatus> classifier = able(models, ModelTask.CLASSIFY);
    Optional<ModelStatus> embedder = able(models, ModelTask.EMBED);
    if (classifier.isEmpty() && embedder.isEmpty()) {
      return surroundings.command() + " models" + options;
    }
    ModelStatus model = classifier.or(() -> embedder).get();
    options += models.size() > 1 ? " --model " + model.name() : "";
    return "%s %s%s \"a charming and often affecting journey\""
        .formatted(surroundings.command(), classifier.isPresent() ? "classify" : "embed", options);
  }

  private static Optional<ModelStatus> able(List<ModelStatus> models, ModelTask task) {
    return models.stream()
        .filter(model -> model.handle().stream().anyMatch(handle -> handle.tasks().contains(task)))
        .findFirst();
  }

  private static void giveUpAfter(Duration limit) {
    Thread.ofPlatform()
        .name("coffey-give-up")
        .daemon()
        .start(() -> {
          try {
            Thread.sleep(limit);
          } catch (InterruptedException _) {
            return;
          }
          log.error("the server did not close within {} s; giving up", limit.toSeconds());
          Runtime.getRuntime().halt(CommandLineInterface.FAILED);
        });
  }

  /// What a shell shows for a process that the signal killed.
  private static void giveUp(int signal) {
    Runtime.getRuntime().halt(128 + signal);
  }
}
