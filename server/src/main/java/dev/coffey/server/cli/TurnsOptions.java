package dev.coffey.server.cli;

import dev.coffey.server.bench.Turns;
import java.time.Duration;
import picocli.CommandLine.Option;

/// How long and how often something is measured.
@picocli.CommandLine.Command
final class TurnsOptions {
  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "How often each is measured, in turns (default ${DEFAULT-VALUE}).")
  private int rounds = 5;

  @Option(
      names = "--slice",
      paramLabel = "SECONDS",
      description = "How long each works in a round, at least once (default ${DEFAULT-VALUE}).")
  private double slice = 0.3;

  @Option(
      names = "--warm-up",
      paramLabel = "SECONDS",
      description = "How long each works before the first round (default ${DEFAULT-VALUE}).")
  private double warmUp = 1;

  Turns turns() {
    return new Turns(rounds, seconds("--slice", slice), seconds("--warm-up", warmUp));
  }

  private static Duration seconds(String option, double seconds) {
    if (!(seconds >= 0 && seconds <= 3600)) {
      throw new WrongUsage("%s = %s: must be 0 to 3600 seconds".formatted(option, seconds));
    }
    return Duration.ofNanos((long) (seconds * 1e9));
  }
}
