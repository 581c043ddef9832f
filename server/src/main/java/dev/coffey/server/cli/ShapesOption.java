package dev.coffey.server.cli;

import dev.coffey.server.bench.Workload;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/// Which batches a model is measured with.
@picocli.CommandLine.Command
final class ShapesOption {
  private static final int MOST = 1 << 16;
  private static final String NONE = "none";

  @Option(
      names = "--shapes",
      paramLabel = "TEXTSxTOKENS",
      split = ",",
      defaultValue = "1x16,1x32,1x128,8x32,8x128,32x128,1x384",
      description = "Batches of texts of equal length, or none (default ${DEFAULT-VALUE}).")
  private List<String> shapes = List.of();

  /// @param longest what the model can read
  List<Workload> workloads(int vocabulary, int longest) {
    List<Workload> workloads = new ArrayList<>();
    if (shapes.equals(List.of(NONE))) {
      return workloads;
    }
    for (String shape : shapes) {
      if (!shape.matches("[1-9][0-9]{0,4}x[1-9][0-9]{0,4}")) {
        throw new WrongUsage(
            "--shapes = %s: expected TEXTSxTOKENS, such as 8x128".formatted(shape));
      }
      int times = shape.indexOf('x');
      int texts = Integer.parseInt(shape.substring(0, times));
      int tokens = Integer.parseInt(shape.substring(times + 1));
      if (tokens < 2 || tokens > longest || texts * tokens > MOST) {
        throw new WrongUsage(
            "--shapes = %s: texts of 2 to %d tokens, at most %d tokens in all"
                .formatted(shape, longest, MOST));
      }
      workloads.add(Workload.equal(texts, tokens, vocabulary));
    }
    return workloads;
  }
}
