package dev.coffey.server.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.server.Engine;
import dev.coffey.server.config.ConfigSources;
import dev.coffey.server.config.Keys;
import dev.coffey.server.config.LogLevel;
import dev.coffey.server.config.ServerConfig;
import dev.coffey.server.metrics.MemoryUse;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// `coffey doctor`: what was found, what was chosen and why, and whether it computes what it
/// should.
@Command(
    name = "doctor",
    description =
        "Prints what hardware was found, which backend serve would choose and why not another, and compares the chosen one with the scalar definition. Exits with 1 if they differ.")
final class Doctor implements Callable<Integer> {
  private static final String ORACLE = "scalar";
  private static final String GPU = "cuda";

  private final Surroundings surroundings;
  private final List<KernelsProvider> providers;
  private final List<SelfTest.Sizes> many;
  private final SpeedTest.Workload workload;

  @Option(names = "--backend", paramLabel = "NAME", description = "As for serve.")
  private @Nullable String backend;

  @Option(names = "--threads", paramLabel = "N", description = "As for serve.")
  private @Nullable String threads;

  @Option(names = "--precision", paramLabel = "NAME", description = "As for serve.")
  private @Nullable String precision;

  @Option(names = "--device", paramLabel = "N[,N...]", description = "As for serve.")
  private @Nullable String device;

  @Option(
      names = "--gpu",
      description =
          "For the machine's GPU, as with --backend cuda: compare at many more sizes, then time each operation and DistilBERT-base.")
  private boolean gpu;

  @Option(
      names = "--speed",
      description = "Time each operation and DistilBERT-base (268 MB of generated weights) too.")
  private boolean speed;

  @Option(
      names = "--memory",
      description = "Load the models as serve does, warm them up, and say where the memory is.")
  private boolean memory;

  @Option(
      names = "--models",
      paramLabel = "DIR",
      description = "As for serve; with --memory (default: the built-in model).")
  private @Nullable String models;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  Doctor(Surroundings surroundings) {
    this(surroundings, KernelsProvider.all(), SelfTest.MANY, SpeedTest.BASE);
  }

  /// @param providers of the backends that there are
  /// @param many what a GPU's operations are compared on
  /// @param workload what is timed
  Doctor(
      Surroundings surroundings,
      List<KernelsProvider> providers,
      List<SelfTest.Sizes> many,
      SpeedTest.Workload workload) {
    this.surroundings = surroundings;
    this.providers = providers;
    this.many = many;
    this.workload = workload;
  }

  /// All that is printed.
  private record Findings(
      Machine machine,
      KernelsSelector.Selection selection,
      String description,
      Optional<MemoryUse> memory,
      List<SelfTest.Outcome> selfTest,
      Optional<Speeds> speeds) {
    /// Whether weights and activations are in this machine's memory.
    boolean onHost() {
      return !selection.provider().name().equals(GPU);
    }

    boolean passed() {
      return selfTest.stream().allMatch(SelfTest.Outcome::passed);
    }
  }

  /// What was timed.
  private record Speeds(
      Optional<Kernels.Peak> peak,
      List<SpeedTest.Sample> operations,
      List<SpeedTest.ModelSample> model) {}

  @Override
  public Integer call() throws IOException {
    Logs.setLevel(LogLevel.WARN);
    if (models != null && !memory) {
      throw new WrongUsage("--models goes with --memory");
    }
    Flags flags = new Flags();
    flags.add(Keys.BACKEND, gpu ? "--gpu" : "--backend", gpu ? GPU : backend);
    flags.add(Keys.THREADS, "--threads", threads);
    flags.add(Keys.PRECISION, "--precision", precision);
    flags.add(Keys.DEVICE, "--device", device);
    flags.add(Keys.MODELS_DIR, "--models", models);
    // A cold server has what the compilers are about to take yet before it.
    flags.add(Keys.READY_WHEN, "--memory", memory ? "warm" : null);
    ServerConfig config =
        new ConfigSources(Optional.empty(), surroundings.environment(), flags.settings())
            .load(surroundings.processors())
            .config();
    Optional<MemoryUse> use = memory ? Optional.of(memoryUse(config)) : Optional.empty();
    KernelsSelector.Selection selection = config.backend().select(providers);
    KernelsProvider oracle =
        providers.stream().filter(each -> each.name().equals(ORACLE)).findFirst().orElseThrow();
    List<Kernels> devices = selection.open();
    try (Kernels definition = oracle.open(new KernelsOptions(1))) {
      Findings findings =
          new Findings(
              Machine.read(surroundings.root(), surroundings.processors()),
              selection,
              devices.stream().map(Kernels::description).collect(Collectors.joining("; ")),
              use,
              selfTest(definition, devices),
              gpu || speed ? Optional.of(speeds(devices.getFirst())) : Optional.empty());
      if (json) {
        surroundings.out().println(json(findings));
      } else {
        print(findings, surroundings.out());
      }
      return findings.passed() ? CommandLineInterface.DONE : CommandLineInterface.FAILED;
    } finally {
      devices.forEach(Kernels::close);
    }
  }

  /// Of a server without a port that has loaded its models.
  private MemoryUse memoryUse(ServerConfig config) {
    try (ModelSource source = ModelSource.of(config.models());
        Engine engine = surroundings.engines().apply(config)) {
      engine.load(source.models());
      return MemoryUse.of(engine.models());
    }
  }

  /// Of each device; where there are several, an outcome says of which.
  private List<SelfTest.Outcome> selfTest(Kernels definition, List<Kernels> devices) {
    List<SelfTest.Outcome> all = new ArrayList<>();
    for (int device = 0; device < devices.size(); device++) {
      String name = devices.size() == 1 ? "" : "device " + device + ": ";
      SelfTest.run(definition, devices.get(device), gpu ? many : SelfTest.FEW)
          .forEach(outcome -> all.add(outcome.named(name + outcome.operation())));
    }
    return all;
  }

  private Speeds speeds(Kernels kernels) throws IOException {
    SpeedTest test = new SpeedTest(kernels, workload, System::nanoTime);
    List<SpeedTest.Sample> operations = test.operations();
    Path folder = Files.createTempDirectory("coffey-doctor-");
    try {
      return new Speeds(kernels.peak(), operations, test.model(folder));
    } finally {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }

  private void print(Findings findings, PrintStream out) {
    Machine machine = findings.machine();
    out.printf("coffey      %s%n", surroundings.version());
    out.printf("system      %s%n", machine.system());
    out.printf("java        %s%n", machine.java());
    out.printf("processor   %s%n", machine.cpu().describe());
    out.printf(
        "processors  %d%s%n",
        machine.processors(),
        machine.cgroupCpus().isPresent()
            ? String.format(
                Locale.ROOT, ", control group allows %.2f", machine.cgroupCpus().getAsDouble())
            : "");
    out.printf(
        "memory      %s%s%n",
        machine.memoryBytes().isPresent()
            ? gibibytes(machine.memoryBytes().getAsLong())
            : "unknown",
        machine.cgroupBytes().isPresent()
            ? ", control group allows " + gibibytes(machine.cgroupBytes().getAsLong())
            : "");
    out.println();
    String chosen = findings.selection().provider().name();
    for (KernelsSelector.Verdict verdict : findings.selection().verdicts()) {
      String what =
          switch (verdict.availability()) {
            case Availability.Usable(String detail) when verdict.name().equals(chosen) ->
                "chosen: " + findings.description() + " (" + detail + ")";
            case Availability.Usable(String detail) -> "usable, not chosen: " + detail;
            case Availability.Refused(String reason) -> "refused: " + reason;
          };
      out.printf("%-11s %s%n", verdict.name(), what);
    }
    findings.memory().ifPresent(use -> print(use, findings.onHost(), out));
    out.println();
    out.printf("self-test of %s against %s%n", chosen, ORACLE);
    for (SelfTest.Outcome outcome : findings.selfTest()) {
      out.printf(
          Locale.ROOT,
          "  %-22s error %.1e, at most %.1e  %s%n",
          outcome.operation(),
          outcome.error(),
          outcome.tolerance(),
          outcome.passed() ? "ok" : "FAILED");
    }
    out.println(
        findings.passed()
            ? "all %d operations passed".formatted(findings.selfTest().size())
            : "this machine does not compute what it should: don't serve with backend " + chosen);
    findings.speeds().ifPresent(speeds -> print(speeds, out));
  }

  private static void print(MemoryUse use, boolean onHost, PrintStream out) {
    String where = onHost ? "" : ", on the device";
    out.println();
    out.println("memory of a server with these models, MiB");
    line(out, "weights", use.weights(), "packed" + where);
    line(out, "workspace", use.workspace(), "activations of the largest batch" + where);
    line(out, "heap", use.heap(), mebibytes(use.heapUsed()).strip() + " in use");
    line(out, "code", use.code(), "compiled methods");
    line(out, "classes", use.classes(), "metaspace");
    line(out, "direct buffers", use.directBuffers(), "");
    use.files()
        .ifPresent(bytes -> line(out, "files", bytes, "mapped: libraries, archives, checkpoints"));
    rest(use, onHost)
        .ifPresent(
            bytes -> line(out, "rest", bytes, "the JVM itself, its compilers, stacks, packing"));
    use.resident().ifPresent(bytes -> line(out, "resident", bytes, "all of the process in RAM"));
  }

  private static void line(PrintStream out, String part, long bytes, String what) {
    out.println("  %-16s %s  %s".formatted(part, mebibytes(bytes), what).stripTrailing());
  }

  private static String mebibytes(long bytes) {
    return String.format(Locale.ROOT, "%8.1f", bytes / (double) (1L << 20));
  }

  /// What is resident and in none of the parts. A part may count pages that nothing was written to
  /// yet, so that this can be too small, but it is never below 0.
  private static OptionalLong rest(MemoryUse use, boolean onHost) {
    if (use.resident().isEmpty()) {
      return OptionalLong.empty();
    }
    long known =
        (onHost ? use.weights() + use.workspace() : 0)
            + use.heap()
            + use.code()
            + use.classes()
            + use.directBuffers()
            + use.files().orElse(0);
    return OptionalLong.of(Math.max(0, use.resident().getAsLong() - known));
  }

  private void print(Speeds speeds, PrintStream out) {
    out.println();
    out.printf("%-26s %7s %12s %9s %7s%n", "operation", "tokens", "us", "TFLOP/s", "of peak");
    for (SpeedTest.Sample sample : speeds.operations()) {
      out.printf(
          Locale.ROOT,
          "%-26s %7d %12.1f %9.2f %7s%n",
          sample.operation(),
          sample.tokens(),
          sample.nanos() / 1e3,
          sample.operations() / sample.nanos() / 1e3,
          speeds
              .peak()
              .map(peak -> String.format(Locale.ROOT, "%.0f %%", 100 * share(sample, peak)))
              .orElse("-"));
    }
    out.println(
        speeds.peak().isPresent()
            ? "of peak: of what the card's clocks allow, in operations or bytes, whichever is more; bytes that the card's cache holds come faster"
            : "of peak: this device's peak is not known");
    notTimed(speeds.operations().stream().map(SpeedTest.Sample::tokens).toList(), out);
    out.println();
    for (SpeedTest.ModelSample sample : speeds.model()) {
      out.printf(
          Locale.ROOT,
          "DistilBERT-base, %s: %.2f ms, %.0f tokens/s%n",
          texts(sample.lengths()),
          sample.nanos() / 1e6,
          sample.tokensPerSecond());
    }
    notTimed(speeds.model().stream().map(SpeedTest.ModelSample::tokens).toList(), out);
  }

  /// Says which sizes are missing.
  private void notTimed(List<Integer> timed, PrintStream out) {
    int most = Collections.max(timed);
    List<String> missing =
        workload.tokens().stream().filter(n -> n > most).map(String::valueOf).toList();
    if (!missing.isEmpty()) {
      out.println(
          "not timed, since fewer take long already: " + String.join(", ", missing) + " tokens");
    }
  }

  private static String texts(List<Integer> lengths) {
    int shortest = Collections.min(lengths);
    int longest = Collections.max(lengths);
    return "%d texts of %s tokens"
        .formatted(lengths.size(), shortest == longest ? shortest : shortest + " to " + longest);
  }

  private static double share(SpeedTest.Sample sample, Kernels.Peak peak) {
    double seconds = sample.nanos() / 1e9;
    double operations = sample.operations() / seconds / peak.operations();
    return peak.bytes() == 0
        ? operations
        : Math.max(operations, sample.bytes() / seconds / peak.bytes());
  }

  private static String gibibytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
  }

  private ObjectNode json(Findings findings) {
    Machine machine = findings.machine();
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("version", surroundings.version())
        .put("system", machine.system())
        .put("java", machine.java())
        .put("cpu", machine.cpu().model())
        .put("processors", machine.processors());
    ArrayNode features = root.putArray("cpu_features");
    machine.cpu().features().forEach(features::add);
    machine.memoryBytes().ifPresent(bytes -> root.put("memory_bytes", bytes));
    machine.cgroupCpus().ifPresent(cpus -> root.put("cgroup_cpus", cpus));
    machine.cgroupBytes().ifPresent(bytes -> root.put("cgroup_memory_bytes", bytes));
    root.put("backend", findings.selection().provider().name())
        .put("backend_description", findings.description());
    ArrayNode backends = root.putArray("backends");
    for (KernelsSelector.Verdict verdict : findings.selection().verdicts()) {
      ObjectNode entry = backends.addObject().put("name", verdict.name());
      switch (verdict.availability()) {
        case Availability.Usable(String detail) -> entry.put("usable", true).put("detail", detail);
        case Availability.Refused(String reason) ->
            entry.put("usable", false).put("reason", reason);
      }
    }
    findings.memory().ifPresent(use -> json(use, findings.onHost(), root.putObject("memory")));
    ArrayNode tests = root.putArray("self_test");
    for (SelfTest.Outcome outcome : findings.selfTest()) {
      tests
          .addObject()
          .put("operation", outcome.operation())
          .put("error", outcome.error())
          .put("tolerance", outcome.tolerance())
          .put("passed", outcome.passed());
    }
    root.put("passed", findings.passed());
    findings.speeds().ifPresent(speeds -> json(speeds, root));
    return root;
  }

  private static void json(MemoryUse use, boolean onHost, ObjectNode memory) {
    memory
        .put("weights", use.weights())
        .put("workspace", use.workspace())
        .put("heap", use.heap())
        .put("heap_used", use.heapUsed())
        .put("code", use.code())
        .put("classes", use.classes())
        .put("direct_buffers", use.directBuffers());
    use.files().ifPresent(bytes -> memory.put("files", bytes));
    rest(use, onHost).ifPresent(bytes -> memory.put("rest", bytes));
    use.resident().ifPresent(bytes -> memory.put("resident", bytes));
  }

  private static void json(Speeds speeds, ObjectNode root) {
    speeds
        .peak()
        .ifPresent(peak ->
            root.putObject("peak")
                .put("operations_per_second", peak.operations())
                .put("bytes_per_second", peak.bytes()));
    ArrayNode operations = root.putArray("speed");
    for (SpeedTest.Sample sample : speeds.operations()) {
      ObjectNode entry =
          operations
              .addObject()
              .put("operation", sample.operation())
              .put("tokens", sample.tokens())
              .put("microseconds", sample.nanos() / 1e3)
              .put("teraflops", sample.operations() / sample.nanos() / 1e3);
      speeds.peak().ifPresent(peak -> entry.put("share_of_peak", share(sample, peak)));
    }
    ArrayNode model = root.putArray("distilbert_base");
    for (SpeedTest.ModelSample sample : speeds.model()) {
      ObjectNode entry =
          model
              .addObject()
              .put("tokens", sample.tokens())
              .put("milliseconds", sample.nanos() / 1e6)
              .put("tokens_per_second", sample.tokensPerSecond());
      ArrayNode lengths = entry.putArray("lengths");
      sample.lengths().forEach(lengths::add);
    }
  }
}
