package dev.coffey.server.cli;

import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.Truncation;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// `--truncate`: what becomes of a text that is longer than the model reads.
@picocli.CommandLine.Command
final class TruncateOption {
  /// The side that is cut.
  enum Side {
    left,
    right
  }

  @Option(
      names = "--truncate",
      paramLabel = "SIDE",
      description = "Cut texts that are too long: ${COMPLETION-CANDIDATES} (default: refuse them).")
  private @Nullable Side side;

  RequestOptions options() {
    Truncation truncation =
        switch (side) {
          case null -> Truncation.TRUNCATION_UNSPECIFIED;
          case left -> Truncation.TRUNCATION_LEFT;
          case right -> Truncation.TRUNCATION_RIGHT;
        };
    return RequestOptions.newBuilder().setTruncation(truncation).build();
  }
}
