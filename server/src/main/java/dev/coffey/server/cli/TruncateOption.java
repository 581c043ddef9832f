package dev.coffey.server.cli;

import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.Truncation;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/// `--truncate`: what becomes of a text that is longer than the model reads.
@picocli.CommandLine.Command
final class TruncateOption {
  /// The side that is cut, or windows in which all is read.
  enum Side {
    left,
    right,
    window
  }

  @Option(
      names = "--truncate",
      paramLabel = "SIDE",
      description =
          "Cut texts that are too long at the left or the right, or read them in windows: ${COMPLETION-CANDIDATES} (default: refuse them).")
  private @Nullable Side side;

  RequestOptions options() {
    Truncation truncation =
        switch (side) {
          case null -> Truncation.TRUNCATION_UNSPECIFIED;
          case left -> Truncation.TRUNCATION_LEFT;
          case right -> Truncation.TRUNCATION_RIGHT;
          case window -> Truncation.TRUNCATION_WINDOW;
        };
    return RequestOptions.newBuilder().setTruncation(truncation).build();
  }
}
