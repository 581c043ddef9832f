package dev.coffey.server.cli;

import dev.coffey.server.config.ConfigText;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/// `coffey config`: every key with its default.
@Command(
    name = "config",
    description =
        "Prints every setting with its meaning and default, as a file for serve --config.")
final class Config implements Callable<Integer> {
  private final Surroundings surroundings;

  Config(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    surroundings.out().print(ConfigText.defaults());
    return CommandLineInterface.DONE;
  }
}
