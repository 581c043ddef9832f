package dev.coffey.kernels;

/// How far an fp32 result may lie from the exact one, derived from the rounding errors of its
/// formula. `U` is half a unit in the last place of 1; a sum of n terms in any order is off by at
/// most `n·U·Σ|terms|`.
final class Tolerance {
  static final double U = 0x1p-24;

  /// Below the smallest normal float backends may return zero.
  static final double UNDERFLOW = 0x1p-126;

  private Tolerance() {}

  static double sum(int terms, double magnitude) {
    return (terms + 2) * U * magnitude + UNDERFLOW;
  }

  /// Of `act(x)` where x is off by `error`: no slope of ours exceeds 1.13; then the function's own
  /// error of a few units, and for GELU the error of its inner argument, which matters only where
  /// the curve bends, |x| < 8.
  static double activation(Activation act, double x, double y, double error) {
    return switch (act) {
      case NONE -> error + U * Math.abs(y);
      case RELU -> error + U * Math.abs(y);
      case TANH -> error + 6 * U * Math.abs(y) + UNDERFLOW;
      case GELU_ERF, GELU_TANH ->
          1.13 * error + 6 * U * Math.abs(y) + 4 * U * Math.min(Math.abs(x), 1) + UNDERFLOW;
    };
  }

  /// Of a softmax weight `y` of a row of `terms`, `distance` below the maximum, when scores are off
  /// by `scoreError`: the exponential turns absolute errors of its argument into relative ones of
  /// its value.
  static double softmax(int terms, double distance, double y, double scoreError) {
    double argument = 2 * scoreError + 3 * U * Math.abs(distance);
    return y * (Math.expm1(2 * argument) + (terms + 12) * U) + 2 * UNDERFLOW;
  }

  /// Of `norm(x)` where each `x[i]` is off by `errors[i]`.
  static double[] norm(double[] x, double[] errors, float[] weight, float[] bias, Norm norm) {
    int n = x.length;
    double mean = 0;
    double magnitude = 0;
    double meanError = 0;
    for (int i = 0; i < n; i++) {
      mean += x[i] / n;
      magnitude += Math.abs(x[i]) / n;
      meanError += errors[i] / n;
    }
    meanError += (n + 2) * U * magnitude;
    double variance = 0;
    double varianceError = 0;
    for (int i = 0; i < n; i++) {
      double deviation = Math.abs(x[i] - mean);
      double deviationError = errors[i] + meanError + U * deviation;
      variance += deviation * deviation / n;
      varianceError += (2 * deviation + deviationError) * deviationError / n;
    }
    varianceError += (n + 3) * U * (variance + varianceError);
    double sigma = Math.sqrt(variance + norm.epsilon());
    double relative = varianceError / (variance + norm.epsilon()) + 4 * U;
    double[] tolerance = new double[n];
    for (int i = 0; i < n; i++) {
      double w = Math.abs(weight[i]);
      if (norm.kind() == Norm.Kind.AFFINE) {
        tolerance[i] = w * errors[i] + 3 * U * (w * Math.abs(x[i]) + Math.abs(bias[i]));
      } else {
        double deviation = Math.abs(x[i] - mean);
        double deviationError = errors[i] + meanError + 2 * U * deviation;
        tolerance[i] =
            w * (deviationError + deviation * relative) / sigma
                + 3 * U * (w * deviation / sigma + Math.abs(bias[i]));
      }
      tolerance[i] += UNDERFLOW;
    }
    return tolerance;
  }
}
