package dev.coffey.server.cli;

import dev.coffey.kernels.Kernels;
import dev.coffey.server.bench.CoffeyContestant;
import dev.coffey.server.bench.Comparison;
import dev.coffey.server.bench.Contestant;
import dev.coffey.server.bench.LengthMix;
import dev.coffey.server.bench.OnnxRuntimeContestant;
import dev.coffey.server.bench.ProcessContestant;
import dev.coffey.server.bench.TextStream;
import dev.coffey.server.bench.Workload;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey bench peers`: the forward pass against others', in turns.
@Command(
    name = "peers",
    description =
        "Measures a model against others that run it too, in turns, after comparing the logits.",
    footer = {
      "",
      "tools/bench peers gives the peers that a checkout knows how to run; tools/peers.py is a peer's other end."
    })
final class BenchPeers implements Callable<Integer> {
  private static final int STREAM_BATCH = 8;
  private static final int STREAM_CLIENTS = 32;

  private final Surroundings surroundings;
  @Mixin private final BenchOptions options = new BenchOptions();
  @Mixin private final TurnsOptions turns = new TurnsOptions();
  @Mixin private final ShapesOption shapes = new ShapesOption();

  @Option(
      names = "--onnx",
      paramLabel = "FILE",
      description = "The same model as ONNX (tools/export_onnx.py); with --onnxruntime.")
  private @Nullable Path onnx;

  @Option(
      names = "--onnxruntime",
      paramLabel = "JAR",
      description = "ONNX Runtime for Java, as Maven Central has it; runs in this process.")
  private @Nullable Path onnxRuntime;

  @Option(
      names = "--peer",
      paramLabel = "NAME=COMMAND",
      description =
          "A program that runs the model when asked on its standard input; words parted by spaces. As often as needed.")
  private Map<String, String> peers = new LinkedHashMap<>();

  @Option(
      names = "--stream",
      paramLabel = "TEXTS",
      description =
          "Also measure so many texts of mixed lengths through a server, against the peers in batches of 8 (default: none).")
  private int stream;

  @Option(
      names = "--mix",
      paramLabel = "MIX",
      description = "Their lengths: as for bench server (default ${DEFAULT-VALUE}).")
  private String mix = "long-tail";

  BenchPeers(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    if ((onnx == null) != (onnxRuntime == null)) {
      throw new WrongUsage("--onnx and --onnxruntime belong together: give both or none");
    }
    if (!options.namesModel()) {
      throw new WrongUsage("--models is missing: the folder of the model that the peers run");
    }
    if (onnx == null && peers.isEmpty()) {
      throw new WrongUsage("no peer: give --onnx with --onnxruntime, or --peer NAME=COMMAND");
    }
    if (stream < 0 || stream > 100_000) {
      throw new WrongUsage("--stream = %d: must be 0 (none) to 100000 texts".formatted(stream));
    }
    LengthMix lengths = BenchOptions.mix(mix);
    BenchOptions.Recording recording = options.record(surroundings);
    List<Contestant> peersOpen = new ArrayList<>();
    try (BenchOptions.BenchModelFolder folder = options.model()) {
      openPeers(peersOpen);
      Forward forward = forwardPass(folder, lengths, peersOpen);
      if (!forward.measured().rows().isEmpty()) {
        recording.finish("peers", forward.measured());
      }
      if (stream > 0) {
        BenchOptions.Recording second = options.record(surroundings);
        second.finish("stream", stream(folder, lengths, forward.mixed(), peersOpen));
      }
    } finally {
      peersOpen.reversed().forEach(Contestant::close);
    }
    return CommandLineInterface.DONE;
  }

  private void openPeers(List<Contestant> opened) {
    int threads = options.backend(surroundings).threads();
    if (onnx != null && onnxRuntime != null) {
      opened.add(new OnnxRuntimeContestant(onnxRuntime, onnx, threads));
    }
    peers.forEach((name, command) ->
        opened.add(new ProcessContestant(name, List.of(command.strip().split("\\s+")))));
  }

  /// What was measured, and the texts to stream, on which all agree.
  private record Forward(Comparison measured, Workload mixed) {}

  private Forward forwardPass(
      BenchOptions.BenchModelFolder folder, LengthMix lengths, List<Contestant> others)
      throws InterruptedException {
    try (Kernels kernels = options.open(surroundings);
        CoffeyContestant coffey = CoffeyContestant.load(folder.folder(), kernels)) {
      List<Contestant> contestants = new ArrayList<>(List.of(coffey));
      contestants.addAll(others);
      Workload mixed = Workload.mixed(lengths, stream, STREAM_BATCH, coffey.vocabulary(), 1);
      var _ = Comparison.agreement(contestants, mixed);
      ComparisonTable table = new ComparisonTable(surroundings.out());
      table.head(contestants);
      Comparison measured =
          Comparison.run(
              folder.name(),
              contestants,
              shapes.workloads(coffey.vocabulary(), coffey.longest()),
              turns.turns(),
              table::row);
      return new Forward(measured, mixed);
    }
  }

  private TextStream stream(
      BenchOptions.BenchModelFolder folder,
      LengthMix lengths,
      Workload workload,
      List<Contestant> others)
      throws InterruptedException {
    try (OwnServer own =
        OwnServer.start(surroundings, options.config(surroundings), folder.folder())) {
      TextStream measured =
          TextStream.run(
              own.model(),
              own.target(),
              own.description(),
              lengths,
              workload,
              STREAM_CLIENTS,
              STREAM_BATCH,
              others,
              turns.turns());
      surroundings.out().println();
      surroundings
          .out()
          .printf(
              Locale.ROOT,
              "%d texts (%s, %.1f tokens on average), one a request from %d clients%n",
              measured.texts(),
              measured.mix(),
              measured.tokens() / (double) measured.texts(),
              STREAM_CLIENTS);
      new ComparisonTable(surroundings.out()).stream(measured.results());
      return measured;
    }
  }
}
