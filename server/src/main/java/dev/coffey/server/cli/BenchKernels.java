package dev.coffey.server.cli;

import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.server.bench.KernelSpeeds;
import dev.coffey.server.bench.KernelsBench;
import dev.coffey.server.bench.Spread;
import dev.coffey.server.config.ServerConfig;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `coffey bench kernels`: the operations against the processor's limits.
@Command(
    name = "kernels",
    description =
        "Measures each operation of a CPU backend against the most that the processor does, with one thread and with all.")
final class BenchKernels implements Callable<Integer> {
  private final Surroundings surroundings;
  @Mixin private final BenchOptions options = new BenchOptions();

  @Option(
      names = "--hot",
      paramLabel = "TOKENS",
      split = ",",
      defaultValue = "1,16,128,1024",
      description = "Sizes with weights in the caches (default ${DEFAULT-VALUE}).")
  private List<Integer> hot = List.of();

  @Option(
      names = "--cold",
      paramLabel = "TOKENS",
      split = ",",
      defaultValue = "1,16",
      description = "Sizes with weights from memory (default ${DEFAULT-VALUE}).")
  private List<Integer> cold = List.of();

  @Option(
      names = "--slices",
      paramLabel = "N",
      description = "How often each is measured (default ${DEFAULT-VALUE}).")
  private int slices = KernelsBench.SLICES;

  BenchKernels(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws InterruptedException {
    if (slices < 1 || slices > 1000) {
      throw new WrongUsage("--slices = %d: must be 1 to 1000".formatted(slices));
    }
    for (List<Integer> sizes : List.of(hot, cold)) {
      if (sizes.stream().anyMatch(tokens -> tokens < 1 || tokens > 8192)) {
        throw new WrongUsage("--hot and --cold: each size must be 1 to 8192 tokens");
      }
    }
    if (options.namesModel()) {
      throw new WrongUsage("--models is not for kernels: the sizes are DistilBERT-base's");
    }
    ServerConfig.Backend wanted = options.backend(surroundings);
    KernelsProvider provider = wanted.select(KernelsProvider.all()).provider();
    if (provider.name().equals("cuda")) {
      throw new WrongUsage("bench kernels measures a CPU's backends: doctor --gpu times a card's");
    }
    BenchOptions.Recording recording = options.record(surroundings);
    PrintStream out = surroundings.out();
    out.printf(
        "%-12s %-20s %6s %7s %-5s %11s %9s %7s %9s%n",
        "operation", "shape", "tokens", "threads", "", "us", "GFLOP/s", "GB/s", "of limit");
    KernelSpeeds speeds =
        KernelsBench.run(
            threads -> provider.open(new KernelsOptions(threads)),
            wanted.threads(),
            new KernelsBench.Plan(hot, cold, slices),
            row -> print(row, out));
    for (KernelSpeeds.Limits limits : speeds.limits()) {
      out.printf(
          Locale.ROOT,
          "limits of %d thread%s: %.1f GFLOP/s, %.1f GB/s read%n",
          limits.threads(),
          limits.threads() == 1 ? "" : "s",
          limits.gigaflops(),
          limits.gigabytes());
    }
    recording.finish("kernels", speeds);
    return CommandLineInterface.DONE;
  }

  private static void print(KernelSpeeds.Row row, PrintStream out) {
    out.printf(
        Locale.ROOT,
        "%-12s %-20s %6d %7d %-5s %11.1f %9s %7s %9s%n",
        row.operation(),
        row.shape(),
        row.tokens(),
        row.threads(),
        row.weights() == null ? "" : row.weights(),
        row.microseconds().median(),
        text("%.1f", row.gigaflops(), 1),
        text("%.1f", row.gigabytes(), 1),
        text("%.0f %%", row.share(), 100));
    out.flush();
  }

  private static String text(String format, @Nullable Spread spread, double scale) {
    return spread == null ? "-" : String.format(Locale.ROOT, format, scale * spread.median());
  }
}
