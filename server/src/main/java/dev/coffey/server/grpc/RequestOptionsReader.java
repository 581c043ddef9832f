package dev.coffey.server.grpc;

import dev.coffey.model.task.TextFit;
import dev.coffey.model.tokenize.Overlap;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.server.batch.Priority;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import java.util.Optional;

/// The options that all task requests share, read.
///
/// @param truncation empty for windows
/// @param windowOverlap 0 for the default
record RequestOptionsReader(Optional<Truncation> truncation, int windowOverlap, Priority priority) {
  private static final String TRUNCATION = "options.truncation";
  private static final String OVERLAP = "options.window_overlap";

  static RequestOptionsReader of(RequestOptions options) {
    Optional<Truncation> truncation =
        switch (options.getTruncation()) {
          case TRUNCATION_UNSPECIFIED -> Optional.of(Truncation.NONE);
          case TRUNCATION_RIGHT -> Optional.of(Truncation.RIGHT);
          case TRUNCATION_LEFT -> Optional.of(Truncation.LEFT);
          case TRUNCATION_WINDOW -> Optional.empty();
          case UNRECOGNIZED -> throw unknown(TRUNCATION, options.getTruncationValue());
        };
    if (options.getWindowOverlap() != 0 && truncation.isPresent()) {
      throw new InvalidArgument(OVERLAP, "window_overlap is for TRUNCATION_WINDOW only");
    }
    Priority priority =
        switch (options.getPriority()) {
          case PRIORITY_UNSPECIFIED, PRIORITY_NORMAL -> Priority.NORMAL;
          case PRIORITY_LOW -> Priority.LOW;
          case PRIORITY_HIGH -> Priority.HIGH;
          case UNRECOGNIZED -> throw unknown("options.priority", options.getPriorityValue());
        };
    return new RequestOptionsReader(truncation, options.getWindowOverlap(), priority);
  }

  /// How texts are brought to what `handle` reads.
  TextFit fit(ModelHandle handle) {
    if (truncation.isPresent()) {
      return new TextFit.Whole(truncation.get());
    }
    if (windowOverlap == 0) {
      return TextFit.windows(handle.maxTokens());
    }
    if (windowOverlap < 0 || windowOverlap >= handle.maxTokens()) {
      throw new InvalidArgument(
          OVERLAP,
          "windows that overlap by %s tokens; this model reads at most %d, and a window must go on"
              .formatted(Integer.toUnsignedString(windowOverlap), handle.maxTokens()));
    }
    return new TextFit.Windows(Overlap.exactly(windowOverlap));
  }

  /// The truncation of a task whose texts can't be read in windows.
  Truncation withoutWindows() {
    return truncation.orElseThrow(() ->
        new InvalidArgument(
            TRUNCATION,
            "TRUNCATION_WINDOW is for Classify, Embed and Tag; use TRUNCATION_RIGHT or TRUNCATION_LEFT, or send shorter texts"));
  }

  /// Refuses what has no meaning for a task that reads windows and never cuts.
  void windowsOnly() {
    if (truncation.isPresent() && truncation.get() != Truncation.NONE) {
      throw new InvalidArgument(
          TRUNCATION,
          "long texts are read in windows here and never cut: leave the truncation out");
    }
    if (windowOverlap != 0) {
      throw new InvalidArgument(OVERLAP, "window_overlap has no meaning for this task");
    }
  }

  /// An enum's number that this server does not know: a typing error or a newer client.
  static InvalidArgument unknown(String field, int value) {
    return new InvalidArgument(
        field, "unknown value %d; this server's schema has no name for it".formatted(value));
  }
}
