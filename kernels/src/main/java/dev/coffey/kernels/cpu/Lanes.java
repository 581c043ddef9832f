package dev.coffey.kernels.cpu;

/// Sums and maxima over a vector's lanes in a written order. `reduceLanes` leaves the order of
/// additions open, and interpreted and compiled code were seen to choose different ones.
final class Lanes {
  private Lanes() {}

  /// The sum of `lanes[0 .. count)`, `count` a power of two, folding halves; overwrites `lanes`.
  static float sum(float[] lanes, int count) {
    for (int half = count / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }

  /// The largest of `lanes[0 .. count)`; NaN if one is NaN.
  static float max(float[] lanes, int count) {
    float max = lanes[0];
    for (int i = 1; i < count; i++) {
      max = Math.max(max, lanes[i]);
    }
    return max;
  }
}
