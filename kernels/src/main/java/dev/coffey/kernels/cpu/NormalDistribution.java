package dev.coffey.kernels.cpu;

/// The standard normal distribution function in double precision, for the definition of
/// [dev.coffey.kernels.Activation#GELU_ERF].
final class NormalDistribution {
  private static final double SQRT_TWO_PI = 2.5066282746310002;

  private NormalDistribution() {}

  /// `Φ(x)`, right to 1e-14 of its value, also far out in the lower tail, where `1 + erf` has no
  /// digits left.
  static double cdf(double x) {
    if (Double.isNaN(x)) {
      return x;
    }
    double a = Math.abs(x);
    // Beyond 39, Φ(−a) is below the smallest double.
    double tail = a > 39 ? 0 : a < 1.5 ? 0.5 - density(a) * series(a) : density(a) * fraction(a);
    return x < 0 ? tail : 1 - tail;
  }

  private static double density(double x) {
    return StrictMath.exp(-0.5 * x * x) / SQRT_TWO_PI;
  }

  /// `(Φ(x) − 1/2) / density(x) = x + x³/3 + x⁵/(3·5) + …`: all terms positive, nothing cancels.
  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 3; term > sum * 1e-17; n += 2) {
      term *= x * x / n;
      sum += term;
    }
    return sum;
  }

  /// `Φ(−x) / density(x) = 1/(x + 1/(x + 2/(x + 3/(x + …))))`; 200 levels are enough from x = 1.5
  /// on (error below e^−60).
  private static double fraction(double x) {
    double value = x;
    for (int n = 200; n > 0; n--) {
      value = x + n / value;
    }
    return 1 / value;
  }
}
