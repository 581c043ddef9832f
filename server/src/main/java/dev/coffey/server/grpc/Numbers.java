package dev.coffey.server.grpc;

import dev.coffey.server.failure.InferenceException.InvalidArgument;

/// Reads unsigned numbers of requests. What is above the largest int arrives as a negative one.
final class Numbers {
  private Numbers() {}

  /// How many results are wanted, 0 for all. More than there can be is all, too.
  static int count(int sent) {
    return sent < 0 ? 0 : sent;
  }

  /// How many results are wanted, `whenZero` if not told.
  static int count(int sent, int whenZero) {
    return sent == 0 ? whenZero : sent < 0 ? Integer.MAX_VALUE : sent;
  }

  /// A number up to `most`, `whenZero` if not told.
  static int upTo(int most, int sent, int whenZero, String field) {
    if (sent < 0 || sent > most) {
      throw new InvalidArgument(
          field, "%s is %s; the most is %d".formatted(field, Integer.toUnsignedString(sent), most));
    }
    return sent == 0 ? whenZero : sent;
  }
}
