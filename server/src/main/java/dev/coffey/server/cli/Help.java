package dev.coffey.server.cli;

import picocli.CommandLine.Option;

/// `--help`, which every command has.
@picocli.CommandLine.Command
final class Help {
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Print this help and exit.")
  private boolean asked;

  @Override
  public String toString() {
    return "help: " + asked;
  }
}
