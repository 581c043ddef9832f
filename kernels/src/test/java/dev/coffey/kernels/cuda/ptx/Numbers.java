package dev.coffey.kernels.cuda.ptx;

import java.util.function.DoubleBinaryOperator;

/// Floating-point formats and roundings as PTX has them.
final class Numbers {
  /// How a result that isn't representable is rounded.
  enum Rounding {
    NEAREST_EVEN,
    ZERO,
    DOWN,
    UP
  }

  private static final int SIGN = 0x8000_0000;

  private Numbers() {}

  static float single(int bits) {
    return Float.intBitsToFloat(bits);
  }

  static int bits(float value) {
    return Float.floatToRawIntBits(value);
  }

  /// `value + rest`, rounded to fp32; `rest` is smaller than half a unit in value's last place.
  private static float rounded(double value, double rest, Rounding rounding) {
    float nearest = (float) value;
    if (!Double.isFinite(value)) {
      return nearest;
    }
    boolean above = nearest > value || (nearest == value && rest < 0);
    boolean below = nearest < value || (nearest == value && rest > 0);
    return switch (rounding) {
      case NEAREST_EVEN -> nearest;
      case DOWN -> above ? Math.nextDown(nearest) : nearest;
      case UP -> below ? Math.nextUp(nearest) : nearest;
      case ZERO -> {
        if (value > 0) {
          yield above ? Math.nextDown(nearest) : nearest;
        }
        yield below ? Math.nextUp(nearest) : nearest;
      }
    };
  }

  static float fma(float a, float b, float c, Rounding rounding) {
    if (rounding == Rounding.NEAREST_EVEN) {
      return Math.fma(a, b, c);
    }
    // The product of two floats is exact in double; the sum's error is found by Knuth's two-sum.
    double product = (double) a * b;
    double sum = product + c;
    double other = sum - product;
    double error = product - (sum - other) + (c - other);
    return rounded(sum, error, rounding);
  }

  static float add(float a, float b, Rounding rounding) {
    return rounding == Rounding.NEAREST_EVEN ? a + b : fma(a, 1, b, rounding);
  }

  static float multiply(float a, float b, Rounding rounding) {
    return rounding == Rounding.NEAREST_EVEN ? a * b : rounded((double) a * b, 0, rounding);
  }

  /// The fp32 number of the same sign if `bits` is subnormal, else the number itself.
  static int flushed(int bits) {
    return (bits & 0x7F80_0000) == 0 ? bits & SIGN : bits;
  }

  static float saturated(float value) {
    // NaN becomes 0.
    return value > 0 ? Math.min(value, 1) : 0;
  }

  /// PTX's minimum: a number wins over NaN unless `keepsNan`, and -0 is below +0.
  static float min(float a, float b, boolean keepsNan) {
    return Float.isNaN(a) || Float.isNaN(b) ? number(a, b, keepsNan) : Math.min(a, b);
  }

  static float max(float a, float b, boolean keepsNan) {
    return Float.isNaN(a) || Float.isNaN(b) ? number(a, b, keepsNan) : Math.max(a, b);
  }

  private static float number(float a, float b, boolean keepsNan) {
    return keepsNan ? Float.NaN : Float.isNaN(a) ? b : a;
  }

  /// To fp16 with one rounding to nearest even.
  static int half(double value) {
    return Float.floatToFloat16(roundedToOdd(value)) & 0xFFFF;
  }

  static float ofHalf(int bits) {
    return Float.float16ToFloat((short) bits);
  }

  /// To bf16 with one rounding to nearest even.
  static int brain(double value) {
    return brain(roundedToOdd(value), Rounding.NEAREST_EVEN);
  }

  static int brain(float value, Rounding rounding) {
    int bits = bits(value);
    if (Float.isNaN(value)) {
      return 0x7FFF;
    }
    if (rounding == Rounding.NEAREST_EVEN) {
      bits += 0x7FFF + (bits >>> 16 & 1);
    }
    return bits >>> 16;
  }

  static float ofBrain(int bits) {
    return single(bits << 16);
  }

  /// To fp32 so that a second rounding, to fewer bits, gives what one rounding would have given.
  private static float roundedToOdd(double value) {
    float nearest = (float) value;
    if (nearest == value || !Float.isFinite(nearest) || Double.isNaN(value)) {
      return nearest;
    }
    float towardsZero =
        Math.abs((double) nearest) > Math.abs(value) ? single(bits(nearest) - 1) : nearest;
    return single(bits(towardsZero) | 1);
  }

  /// To TF32, ties away from zero, as a fp32 number.
  static int tf32(int bits) {
    boolean finite = (bits & 0x7F80_0000) != 0x7F80_0000;
    return finite ? bits + 0x1000 & 0xFFFF_E000 : bits;
  }

  /// Applies `function` to both halves of `a` and `b`.
  static int pairwise(int a, int b, boolean brain, DoubleBinaryOperator function) {
    int low = narrow(function.applyAsDouble(wide(a, brain), wide(b, brain)), brain);
    int high = narrow(function.applyAsDouble(wide(a >>> 16, brain), wide(b >>> 16, brain)), brain);
    return low | high << 16;
  }

  static int narrow(double value, boolean brain) {
    return brain ? brain(value) : half(value);
  }

  static float wide(int bits, boolean brain) {
    return brain ? ofBrain(bits & 0xFFFF) : ofHalf(bits & 0xFFFF);
  }
}
