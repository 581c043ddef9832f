package dev.coffey.server.cli;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.model.generated.GeneratedModel;
import dev.coffey.server.bench.Caches;
import dev.coffey.server.bench.Host;
import dev.coffey.server.bench.LengthMix;
import dev.coffey.server.bench.Noise;
import dev.coffey.server.bench.Report;
import dev.coffey.server.config.ConfigSources;
import dev.coffey.server.config.Keys;
import dev.coffey.server.config.LogLevel;
import dev.coffey.server.config.ServerConfig;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// What all measurements have in common: backend, model, and where the report goes.
@picocli.CommandLine.Command
final class BenchOptions {
  @Spec(Spec.Target.MIXEE)
  private @Nullable CommandSpec command;

  @Option(names = "--backend", paramLabel = "NAME", description = "As for serve.")
  private @Nullable String backend;

  @Option(names = "--threads", paramLabel = "N", description = "As for serve.")
  private @Nullable String threads;

  @Option(
      names = "--models",
      paramLabel = "DIR",
      description =
          "A Hugging Face folder (default: DistilBERT-base with generated weights, in the temporary folder meanwhile).")
  private @Nullable Path models;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description =
          "Put what was measured into this report; what it has of other measurements stays.")
  private @Nullable Path json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Write the report as a page that needs no other file.")
  private @Nullable Path html;

  /// Reads a length mix.
  static LengthMix mix(String text) {
    try {
      return LengthMix.parse(text);
    } catch (IllegalArgumentException e) {
      throw new WrongUsage(String.valueOf(e.getMessage()));
    }
  }

  /// What the settings say of the backend.
  ServerConfig.Backend backend(Surroundings surroundings) {
    return config(surroundings).backend();
  }

  /// Also of a server of this process's own, which takes any free port and is warm before it is
  /// measured.
  ServerConfig config(Surroundings surroundings) {
    Logs.setLevel(LogLevel.WARN);
    Flags flags = new Flags();
    flags.add(Keys.PORT, "--port", "0");
    flags.add(Keys.READY_WHEN, "--ready-when", "warm");
    flags.add(Keys.BACKEND, "--backend", backend);
    flags.add(Keys.THREADS, "--threads", threads);
    return new ConfigSources(Optional.empty(), surroundings.environment(), flags.settings())
        .load(surroundings.processors())
        .config();
  }

  /// Opens the backend, of several devices the first.
  Kernels open(Surroundings surroundings) {
    KernelsSelector.Selection selection = backend(surroundings).select(KernelsProvider.all());
    return selection.provider().open(selection.options().getFirst());
  }

  /// The folder of the model that the user named, or a generated one until the result is closed.
  BenchModelFolder model() throws IOException {
    if (models != null) {
      return new BenchModelFolder(models, false);
    }
    Path folder = Files.createTempDirectory("coffey-bench-");
    BenchModelFolder made = new BenchModelFolder(folder, true);
    try {
      GeneratedModel.distilBertBase(BenchGenerate.SEED).write(folder);
      return made;
    } catch (IOException | RuntimeException e) {
      made.close();
      throw e;
    }
  }

  /// Whether the user named a model.
  boolean namesModel() {
    return models != null;
  }

  /// A folder, removed at the end if it was made for the measurement.
  record BenchModelFolder(Path folder, boolean made) implements AutoCloseable {
    String name() {
      return made ? "DistilBERT-base, generated weights" : String.valueOf(folder.getFileName());
    }

    @Override
    public void close() throws IOException {
      if (made) {
        try (Stream<Path> files = Files.list(folder)) {
          for (Path file : files.toList()) {
            Files.delete(file);
          }
        }
        Files.delete(folder);
      }
    }
  }

  /// Begins the report before anything is measured, so that a file that can't take it is known at
  /// once.
  Recording record(Surroundings surroundings) {
    Host host = host(surroundings);
    Report report =
        json == null
            ? Report.of(host, surroundings.version())
            : Report.open(json, host, surroundings.version());
    return new Recording(report, surroundings, Noise.start(surroundings.root()));
  }

  /// A report that a measurement goes into.
  final class Recording {
    private final Report report;
    private final Surroundings surroundings;
    private final Noise.Meter noise;
    private boolean foreign;

    private Recording(Report report, Surroundings surroundings, Noise.Meter noise) {
      this.report = report;
      this.surroundings = surroundings;
      this.noise = noise;
    }

    void finish(String section, Object measured) {
      write(origin -> report.put(section, origin, measured));
    }

    /// Into a section that has several, by name.
    void finish(String section, String name, Object measured) {
      write(origin -> report.put(section, name, origin, measured));
    }

    /// What is measured is another process's work, which is no noise.
    Recording ofAnother() {
      foreign = true;
      return this;
    }

    private void print(Noise heard) {
      String others =
          heard.others() == null
              ? ""
              : String.format(
                  Locale.ROOT,
                  "others had %.0f %% of the machine meanwhile, ",
                  100 * heard.others());
      surroundings
          .out()
          .printf(Locale.ROOT, "%sits host took %.0f %%%n", others, 100 * heard.stolen());
    }

    private void write(Consumer<Report.Origin> put) {
      Optional<Noise> heard = noise.stop();
      if (foreign) {
        heard = heard.map(Noise::withoutOthers);
      }
      put.accept(Report.Origin.of(Instant.now(), commandLine(), heard));
      heard.ifPresent(this::print);
      if (json != null) {
        Report.write(json, report.json());
      }
      if (html != null) {
        Report.write(html, report.html());
      }
    }
  }

  private String commandLine() {
    CommandSpec spec = Objects.requireNonNull(command);
    List<String> arguments = spec.root().commandLine().getParseResult().originalArgs();
    return "coffey " + String.join(" ", arguments);
  }

  private static Host host(Surroundings surroundings) {
    Machine machine = Machine.read(surroundings.root(), surroundings.processors());
    return new Host(
        machine.cpu().model(),
        machine.cpu().features(),
        Caches.read(surroundings.root()),
        machine.processors(),
        machine.memoryBytes().orElse(0),
        machine.system(),
        machine.java(),
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
            .filter(option -> option.startsWith("-X") && !option.contains("/"))
            .toList());
  }
}
