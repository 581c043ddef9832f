package dev.coffey.server.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// `coffey bench`: measurements, as a table, as JSON and as a page.
@Command(
    name = "bench",
    synopsisSubcommandLabel = "COMMAND",
    description = "Measures Coffey on this machine, and others beside it.")
final class Bench implements Runnable {
  @Spec private CommandSpec spec;

  @SuppressWarnings("NullAway.Init") // picocli sets spec
  Bench() {}

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "say what to measure");
  }
}
