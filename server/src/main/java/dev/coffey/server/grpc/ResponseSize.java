package dev.coffey.server.grpc;

import dev.coffey.server.failure.InferenceException.InvalidArgument;

/// The bound on what one answer may hold, so that a small request can't make the server gather a
/// huge one.
final class ResponseSize {
  private ResponseSize() {}

  /// Refuses an answer of `bytes`.
  static void check(long bytes, int most) {
    if (bytes > most) {
      throw new InvalidArgument(
          "inputs",
          "the answer would take %d bytes, the most is %d: send fewer or shorter texts in a request"
              .formatted(bytes, most));
    }
  }
}
