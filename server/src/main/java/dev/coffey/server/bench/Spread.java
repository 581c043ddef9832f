package dev.coffey.server.bench;

import java.util.Arrays;

/// A figure that was measured several times.
///
/// @param median the middle one, of an even count the higher of both
/// @param least of all
/// @param most of all
/// @param count how many there are
public record Spread(double median, double least, double most, int count) {
  /// Of these values.
  ///
  /// @throws IllegalArgumentException if there is none
  public static Spread of(double... values) {
    if (values.length == 0) {
      throw new IllegalArgumentException("a spread needs at least one value");
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return new Spread(
        sorted[sorted.length / 2], sorted[0], sorted[sorted.length - 1], sorted.length);
  }
}
