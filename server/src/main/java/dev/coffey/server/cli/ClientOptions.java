package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.server.Engine;
import dev.coffey.server.config.ConfigSources;
import dev.coffey.server.config.Keys;
import dev.coffey.server.config.LogLevel;
import dev.coffey.server.config.ServerConfig;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// Where a client command finds its models: at a server, or in its own process.
@picocli.CommandLine.Command
final class ClientOptions {
  static final String DEFAULT_TARGET = "127.0.0.1:8500";
  private static final String IN_PROCESS = "coffey-local";

  /// With `--local` there is a single call to answer: warming up would take longer than what it
  /// saves.
  private static final String NO_WARM_UP = "1ms";

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description = "The server (default " + DEFAULT_TARGET + ").")
  private @Nullable String target;

  @Option(
      names = "--model",
      paramLabel = "NAME",
      description = "The model; needed where several can do it.")
  private String model = "";

  @Option(
      names = "--deadline",
      paramLabel = "SECONDS",
      description = "How long a call may take (default 30).")
  private double deadlineSeconds = 30;

  @Option(names = "--tls", description = "Encrypt, and trust the authorities that Java trusts.")
  private boolean tls;

  @Option(
      names = "--tls-ca",
      paramLabel = "FILE",
      description = "Encrypt, and trust these authorities (PEM).")
  private @Nullable Path tlsCa;

  @Option(names = "--local", description = "Load the model in this process; no server is needed.")
  private boolean local;

  @Option(names = "--models", paramLabel = "DIR", description = "With --local: as for serve.")
  private @Nullable String models;

  @Option(names = "--backend", paramLabel = "NAME", description = "With --local: as for serve.")
  private @Nullable String backend;

  @Option(names = "--threads", paramLabel = "N", description = "With --local: as for serve.")
  private @Nullable String threads;

  @Option(names = "--json", description = "Print one JSON object a line.")
  private boolean json;

  @Option(
      names = "--log-level",
      paramLabel = "LEVEL",
      description = "${COMPLETION-CANDIDATES} (default ERROR).")
  private LogLevel logLevel = LogLevel.ERROR;

  boolean json() {
    return json;
  }

  String model() {
    return model;
  }

  /// A connection for one command.
  ///
  /// @throws WrongUsage if the options contradict each other
  Session open(Surroundings surroundings) {
    Logs.setLevel(logLevel);
    if (!(deadlineSeconds > 0 && deadlineSeconds <= 86_400)) {
      throw new WrongUsage(
          "--deadline = %s: must be more than 0 and at most 86400 seconds"
              .formatted(deadlineSeconds));
    }
    Duration deadline = Duration.ofNanos((long) (deadlineSeconds * 1e9));
    if (local) {
      if (target != null || tls || tlsCa != null) {
        throw new WrongUsage("--local needs no server: leave out --target, --tls and --tls-ca");
      }
      return local(surroundings, deadline);
    }
    if (models != null || backend != null || threads != null) {
      throw new WrongUsage(
          "--models, --backend and --threads are for --local; a server has its own");
    }
    CoffeyClient.Builder builder =
        CoffeyClient.builder(target == null ? DEFAULT_TARGET : target)
            .deadline(deadline)
            .model(model);
    if (tlsCa != null) {
      if (!Files.isReadable(tlsCa)) {
        throw new CommandFailure("--tls-ca %s: no such file, or it can't be read".formatted(tlsCa));
      }
      builder.tls(tlsCa);
    } else if (tls) {
      builder.tls();
    }
    return new Session(builder.build(), () -> {});
  }

  /// As [#open], but in this process unless a server is named.
  Session openLocalByDefault(Surroundings surroundings) {
    local |= target == null && !tls && tlsCa == null;
    return open(surroundings);
  }

  private Session local(Surroundings surroundings, Duration deadline) {
    Flags flags = new Flags();
    flags.add(Keys.MODELS_DIR, "--models", models);
    flags.add(Keys.BACKEND, "--backend", backend);
    flags.add(Keys.THREADS, "--threads", threads);
    flags.addAll(List.of(Keys.WARM_UP_LIMIT + "=" + NO_WARM_UP));
    ServerConfig config =
        new ConfigSources(Optional.empty(), surroundings.environment(), flags.settings())
            .load(surroundings.processors())
            .config();
    Logs.setLevel(logLevel);
    try (ModelSource source = ModelSource.of(config.models())) {
      Engine engine = surroundings.engines().apply(config);
      try {
        engine.load(source.models());
        Server server =
            engine.services().addTo(InProcessServerBuilder.forName(IN_PROCESS)).build().start();
        CoffeyClient client =
            CoffeyClient.over(InProcessChannelBuilder.forName(IN_PROCESS).build())
                .withDeadline(deadline)
                .withModel(model);
        return new Session(
            client,
            () -> {
              server.shutdownNow();
              engine.close();
            });
      } catch (IOException e) {
        engine.close();
        throw new UncheckedIOException(e);
      } catch (RuntimeException | Error e) {
        engine.close();
        throw e;
      }
    }
  }

  /// A client and what must be closed after it.
  record Session(CoffeyClient client, Runnable behind) implements AutoCloseable {
    @Override
    public void close() {
      client.close();
      behind.run();
    }
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "target %s, local %b", target, local);
  }
}
