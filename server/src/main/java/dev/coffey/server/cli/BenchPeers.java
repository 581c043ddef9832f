package dev.coffey.server.cli;

import dev.coffey.kernels.Kernels;
import dev.coffey.server.bench.CoffeyContestant;
import dev.coffey.server.bench.Comparison;
import dev.coffey.server.bench.Contestant;
import dev.coffey.server.bench.OnnxRuntimeContestant;
import dev.coffey.server.bench.ProcessContestant;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
    BenchOptions.Recording recording = options.record(surroundings);
    int threads = options.backend(surroundings).threads();
    List<Contestant> contestants = new ArrayList<>();
    try (BenchOptions.BenchModelFolder folder = options.model();
        Kernels kernels = options.open(surroundings);
        CoffeyContestant coffey = CoffeyContestant.load(folder.folder(), kernels)) {
      contestants.add(coffey);
      try {
        if (onnx != null && onnxRuntime != null) {
          contestants.add(new OnnxRuntimeContestant(onnxRuntime, onnx, threads));
        }
        peers.forEach((name, command) ->
            contestants.add(new ProcessContestant(name, List.of(command.strip().split("\\s+")))));
        ComparisonTable table = new ComparisonTable(surroundings.out());
        table.head(contestants);
        Comparison measured =
            Comparison.run(
                folder.name(),
                contestants,
                shapes.workloads(coffey.vocabulary(), coffey.longest()),
                turns.turns(),
                table::row);
        recording.finish("peers", measured);
      } finally {
        contestants.subList(1, contestants.size()).reversed().forEach(Contestant::close);
      }
    }
    return CommandLineInterface.DONE;
  }
}
