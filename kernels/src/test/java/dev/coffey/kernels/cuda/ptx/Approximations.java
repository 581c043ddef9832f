package dev.coffey.kernels.cuda.ptx;

/// The `.approx` instructions. NVIDIA gives bounds for their errors and no bits. Here the result is
/// off from the right one by almost as much as the bound, up or down as the argument's bits fall,
/// so that a kernel which needs them better is found. Where the right result is a power of two it
/// is given exactly, as the hardware does for `ex2` of a whole number and `rcp` of a power of two.
final class Approximations {
  private Approximations() {}

  /// 2 units in the last place.
  static float exp2(float x) {
    return off(Math.pow(2, x), x, 2 * 0x1p-24);
  }

  /// 1 unit in the last place.
  static float reciprocal(float x) {
    return off(1 / (double) x, x, 0x1p-24);
  }

  /// 2^-22.9
  static float reciprocalRoot(float x) {
    return off(1 / Math.sqrt(x), x, 0x1p-23);
  }

  /// 2^-23
  static float root(float x) {
    return off(Math.sqrt(x), x, 0x1p-24);
  }

  /// 2^-22 absolute for x in (0.5, 2), relative elsewhere.
  static float log2(float x) {
    double right = Math.log(x) / Math.log(2);
    double error = Math.max(1, Math.abs(right)) * 0x1p-22;
    double exact = Math.rint(right);
    if (right == exact || !Double.isFinite(right) || Math.pow(2, exact) == x) {
      return (float) (Double.isFinite(right) ? exact : right);
    }
    return (float) (right + sign(x) * error);
  }

  /// 2^-11
  static float tanh(float x) {
    double right = Math.tanh(x);
    return (float) (right + sign(x) * Math.min(Math.abs(right) * 0x1p-11, 1 - Math.abs(right)));
  }

  /// 2 units in the last place.
  static float quotient(float a, float b) {
    return off((double) a / b, a * 31 + b, 2 * 0x1p-24);
  }

  private static float off(double right, float argument, double relativeError) {
    if (right == 0
        || !Double.isFinite(right)
        || (Double.doubleToRawLongBits(right) & 0xF_FFFF_FFFF_FFFFL) == 0) {
      return (float) right;
    }
    return (float) (right * (1 + sign(argument) * relativeError));
  }

  private static int sign(float argument) {
    int mixed = Float.floatToRawIntBits(argument) * 0x9E3779B1;
    return mixed < 0 ? -1 : 1;
  }
}
