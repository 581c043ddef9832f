package dev.coffey.server.grpc;

import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.server.batch.Priority;
import dev.coffey.server.failure.InferenceException.InvalidArgument;

/// The options that all task requests share, read.
record RequestOptionsReader(Truncation truncation, Priority priority) {
  static RequestOptionsReader of(RequestOptions options) {
    Truncation truncation =
        switch (options.getTruncation()) {
          case TRUNCATION_UNSPECIFIED -> Truncation.NONE;
          case TRUNCATION_RIGHT -> Truncation.RIGHT;
          case TRUNCATION_LEFT -> Truncation.LEFT;
          case TRUNCATION_WINDOW ->
              throw new InvalidArgument(
                  "options.truncation",
                  "TRUNCATION_WINDOW is not served yet; use TRUNCATION_RIGHT or TRUNCATION_LEFT");
          case UNRECOGNIZED -> throw unknown("options.truncation", options.getTruncationValue());
        };
    if (options.getWindowOverlap() != 0) {
      throw new InvalidArgument(
          "options.window_overlap", "window_overlap is for TRUNCATION_WINDOW only");
    }
    Priority priority =
        switch (options.getPriority()) {
          case PRIORITY_UNSPECIFIED, PRIORITY_NORMAL -> Priority.NORMAL;
          case PRIORITY_LOW -> Priority.LOW;
          case PRIORITY_HIGH -> Priority.HIGH;
          case UNRECOGNIZED -> throw unknown("options.priority", options.getPriorityValue());
        };
    return new RequestOptionsReader(truncation, priority);
  }

  /// An enum's number that this server does not know: a typing error or a newer client.
  static InvalidArgument unknown(String field, int value) {
    return new InvalidArgument(
        field, "unknown value %d; this server's schema has no name for it".formatted(value));
  }
}
