package dev.coffey.server.cli;

import dev.coffey.server.bench.InferTarget;
import dev.coffey.server.bench.LengthMix;
import dev.coffey.server.bench.LoadFailure;
import dev.coffey.server.bench.ServerLoad;
import io.grpc.Status;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey bench server`: a server under load, over a socket.
@Command(
    name = "server",
    description =
        "Loads a server over gRPC (KServe v2), one text a request: closed loops find its peak, then requests arrive at random at shares of it. Without --target it is one in this process.")
final class BenchServer implements Callable<Integer> {
  /// Token ids that every BERT of 30522 pieces knows, and smaller test models too.
  private static final int VOCABULARY = 30_000;

  private final Surroundings surroundings;
  @Mixin private final BenchOptions options = new BenchOptions();

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description = "A running server, Coffey or another; with --model.")
  private @Nullable String target;

  @Option(names = "--model", paramLabel = "NAME", description = "The model's name at the target.")
  private @Nullable String model;

  @Option(
      names = "--metrics",
      paramLabel = "URL",
      description = "Where the target shows Coffey's metrics.")
  private @Nullable URI metrics;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description = "What the report calls this server (default ${DEFAULT-VALUE}).")
  private String name = "coffey";

  @Option(
      names = "--input",
      paramLabel = "FORM",
      description =
          "${COMPLETION-CANDIDATES}: token ids, or texts that the server tokenizes (default ${DEFAULT-VALUE}).")
  private InferTarget.Input input = InferTarget.Input.ids;

  @Option(
      names = "--vocabulary",
      paramLabel = "N",
      description = "Ids are below it (default ${DEFAULT-VALUE}).")
  private int vocabulary = VOCABULARY;

  @Option(
      names = "--mix",
      paramLabel = "MIX",
      description =
          "sst2, long-tail, fixed:TOKENS or uniform:LEAST:MOST (default ${DEFAULT-VALUE}).")
  private String mix = "long-tail";

  @Option(
      names = "--clients",
      paramLabel = "N",
      split = ",",
      defaultValue = "1,2,4,8,16,32",
      description = "Clients of the closed loops (default ${DEFAULT-VALUE}).")
  private List<Integer> clients = List.of();

  @Option(
      names = "--loads",
      paramLabel = "X",
      split = ",",
      defaultValue = "0.25,0.5,0.7,0.8,0.9,0.95",
      description =
          "Open loops at these multiples of the peak (default ${DEFAULT-VALUE}); 2 and 5 with --deadline show an overload.")
  private List<Double> loads = List.of();

  @Option(
      names = "--rates",
      paramLabel = "PER_SECOND",
      split = ",",
      description = "Open loops at these rates.")
  private List<Double> rates = List.of();

  @Option(
      names = "--seconds",
      paramLabel = "S",
      description = "How long each loop runs (default ${DEFAULT-VALUE}).")
  private double seconds = 5;

  @Option(
      names = "--deadline",
      paramLabel = "SECONDS",
      description =
          "Deadline of the open loops' requests; only what is answered within it counts (default: none).")
  private double deadline;

  @Option(
      names = "--overhead",
      paramLabel = "N",
      description =
          "Measure a request's overhead beyond an empty RPC with so many requests (Coffey only; default: not).")
  private int overhead;

  BenchServer(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    check();
    LengthMix lengths = BenchOptions.mix(mix);
    ServerLoad.Plan plan =
        new ServerLoad.Plan(clients, loads, rates, duration(seconds), duration(deadline), overhead);
    if (target != null && model != null) {
      BenchOptions.Recording recording = options.record(surroundings).ofAnother();
      try (InferTarget server = InferTarget.of(target, model, input, lengths, vocabulary)) {
        run(server, target, model, Optional.ofNullable(metrics), lengths, plan, recording);
      }
    } else {
      ownServer(lengths, plan);
    }
    return CommandLineInterface.DONE;
  }

  private void check() {
    if ((target == null) != (model == null)) {
      throw new WrongUsage("--target and --model belong together: give both or none");
    }
    if (target == null && metrics != null) {
      throw new WrongUsage("--metrics is for --target; a server in this process has its own");
    }
    if (target != null && options.namesModel()) {
      throw new WrongUsage("--models is for a server in this process: leave out --target");
    }
    if (clients.stream().anyMatch(count -> count < 1 || count > 10_000)) {
      throw new WrongUsage("--clients = %s: each must be 1 to 10000".formatted(clients));
    }
    if (Stream.concat(loads.stream(), rates.stream()).anyMatch(each -> !(each > 0))) {
      throw new WrongUsage("--loads and --rates must be above 0");
    }
    if (!(seconds >= 0.1 && seconds <= 3600)) {
      throw new WrongUsage("--seconds = %s: must be 0.1 to 3600".formatted(seconds));
    }
    if (!(deadline >= 0 && deadline <= 3600)) {
      throw new WrongUsage("--deadline = %s: must be 0 (none) to 3600".formatted(deadline));
    }
    if (vocabulary < 4) {
      throw new WrongUsage("--vocabulary = %d: must be 4 or more".formatted(vocabulary));
    }
  }

  private static Duration duration(double seconds) {
    return Duration.ofNanos((long) (seconds * 1e9));
  }

  private void ownServer(LengthMix lengths, ServerLoad.Plan plan)
      throws IOException, InterruptedException {
    try (BenchOptions.BenchModelFolder folder = options.model();
        OwnServer own =
            OwnServer.start(surroundings, options.config(surroundings), folder.folder())) {
      BenchOptions.Recording recording = options.record(surroundings);
      try (InferTarget client =
          InferTarget.of(own.target(), own.model(), input, lengths, vocabulary)) {
        run(
            client,
            own.description(),
            own.model(),
            Optional.of(own.metricsUrl()),
            lengths,
            plan,
            recording);
      }
    }
  }

  private void run(
      InferTarget server,
      String description,
      String served,
      Optional<URI> shown,
      LengthMix lengths,
      ServerLoad.Plan plan,
      BenchOptions.Recording recording)
      throws InterruptedException {
    LoadTable table = new LoadTable(surroundings.out());
    table.head(description, lengths);
    ServerLoad measured;
    try {
      measured =
          ServerLoad.run(
              name, description, served, input, lengths, server, shown, plan, table::row);
    } catch (LoadFailure e) {
      throw new CommandFailure(e.getMessage() + hint(e.status()));
    }
    table.end(measured);
    recording.finish("servers", name + " " + lengths.label(), measured);
  }

  private String hint(Status.Code status) {
    return status == Status.Code.INVALID_ARGUMENT && input == InferTarget.Input.ids
        ? "; ids are below --vocabulary = %d: give the model's".formatted(vocabulary)
        : "";
  }
}
