package dev.coffey.server.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/// `coffey version`.
@Command(name = "version", description = "Prints the version.")
final class Version implements Callable<Integer> {
  private final Surroundings surroundings;

  Version(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  static String text(Surroundings surroundings) {
    return "coffey %s (Java %s)".formatted(surroundings.version(), Runtime.version());
  }

  @Override
  public Integer call() {
    surroundings.out().println(text(surroundings));
    return CommandLineInterface.DONE;
  }
}
