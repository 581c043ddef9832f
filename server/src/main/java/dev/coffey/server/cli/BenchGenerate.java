package dev.coffey.server.cli;

import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/// `coffey bench generate`: a model to measure where none is at hand.
@Command(
    name = "generate",
    description =
        "Writes DistilBERT-base with generated weights (268 MB) as a Hugging Face folder, unless it is there.")
final class BenchGenerate implements Callable<Integer> {
  static final long SEED = 1;

  private final Surroundings surroundings;

  @Parameters(paramLabel = "FOLDER", description = "Where to.")
  private Path folder = Path.of("");

  BenchGenerate(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws IOException {
    surroundings.out().println(GeneratedModel.distilBertBase(SEED).write(folder));
    return CommandLineInterface.DONE;
  }
}
