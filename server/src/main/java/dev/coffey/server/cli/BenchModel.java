package dev.coffey.server.cli;

import dev.coffey.kernels.Kernels;
import dev.coffey.server.bench.CoffeyContestant;
import dev.coffey.server.bench.Comparison;
import dev.coffey.server.bench.LengthMix;
import dev.coffey.server.bench.Turns;
import dev.coffey.server.bench.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey bench model`: the forward pass, without a server.
@Command(
    name = "model",
    description =
        "Measures texts and tokens a second of a model by batch and length, without a server.")
final class BenchModel implements Callable<Integer> {
  private static final int MIXED_TEXTS = 32;
  private static final int MIXED_BATCH = 8;

  private final Surroundings surroundings;
  @Mixin private final BenchOptions options = new BenchOptions();
  @Mixin private final TurnsOptions turns = new TurnsOptions();
  @Mixin private final ShapesOption shapes = new ShapesOption();

  @Option(
      names = "--mixes",
      paramLabel = "MIX",
      split = ",",
      defaultValue = "sst2,long-tail",
      description =
          "Texts of mixed lengths: sst2, long-tail, fixed:TOKENS, uniform:LEAST:MOST (default ${DEFAULT-VALUE}).")
  private List<String> mixes = List.of();

  BenchModel(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    Turns wanted = turns.turns();
    BenchOptions.Recording recording = options.record(surroundings);
    List<LengthMix> lengths = mixes.stream().map(BenchOptions::mix).toList();
    try (BenchOptions.BenchModelFolder folder = options.model();
        Kernels kernels = options.open(surroundings);
        CoffeyContestant coffey = CoffeyContestant.load(folder.folder(), kernels)) {
      List<Workload> workloads =
          new ArrayList<>(shapes.workloads(coffey.vocabulary(), coffey.longest()));
      for (LengthMix mix : lengths) {
        workloads.add(Workload.mixed(mix, MIXED_TEXTS, MIXED_BATCH, coffey.vocabulary(), 1));
      }
      ComparisonTable table = new ComparisonTable(surroundings.out());
      table.head(List.of(coffey));
      Comparison measured =
          Comparison.run(folder.name(), List.of(coffey), workloads, wanted, table::row);
      recording.finish("model", measured);
    }
    return CommandLineInterface.DONE;
  }
}
