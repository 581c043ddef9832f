package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Activation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

/// The error of our own elementary functions in units in the last place of the result, over samples
/// that cover every exponent. Breaks if a coefficient loses a digit.
class VectorFunctionsTest {
  private static final VectorShape SHAPE = VectorShape.preferred().orElseThrow();
  private static final int SAMPLES = 1 << 20;

  @Test
  void exponential_zeroToSmallest_isWithinItsStatedError() {
    double worst = 0;
    float[] x = new float[SHAPE.lanes()];
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < SAMPLES; i += x.length) {
      for (int j = 0; j < x.length; j++) {
        x[j] = negative(random, -Exponential.SMALLEST);
      }
      float[] y = exponential(x);
      for (int j = 0; j < x.length; j++) {
        worst = Math.max(worst, ulps(y[j], StrictMath.exp(x[j])));
      }
    }
    System.out.println("exponential: " + worst + " ulp");
    assertThat(worst).isLessThan(Exponential.MAX_ULP);
  }

  @Test
  void exponential_ends_areOneZeroAndNaN() {
    float[] x = new float[SHAPE.lanes()];
    float[][] cases = {
      {0f, 1f},
      {-0f, 1f},
      {-Float.MIN_VALUE, 1f},
      {Math.nextDown(Exponential.SMALLEST), 0f},
      {-1e30f, 0f},
      {Float.NEGATIVE_INFINITY, 0f},
      {Float.NaN, Float.NaN},
      // A payload in the low bits, which the exponent is made of.
      {Float.intBitsToFloat(0x7f800001), Float.NaN}
    };
    for (float[] pair : cases) {
      Arrays.fill(x, pair[0]);
      assertThat(Float.compare(exponential(x)[0], pair[1])).as("e^%s", pair[0]).isZero();
    }
  }

  @Test
  void geluErf_anyNumber_isWithinItsStatedError() {
    DoubleUnaryOperator exact = x -> x * NormalDistribution.cdf(x);
    assertThat(worst(Activation.GELU_ERF, exact, -1, 100)).isLessThan(4);
    assertThat(worst(Activation.GELU_ERF, exact, -13, -1)).isLessThan(8);
  }

  @Test
  void geluTanh_anyNumber_isWithinItsStatedError() {
    DoubleUnaryOperator exact =
        x -> x / (1 + StrictMath.exp(-2 * 0.7978845608028654 * (x + 0.044715 * x * x * x)));
    assertThat(worst(Activation.GELU_TANH, exact, -1, 100)).isLessThan(4);
    // Further out the argument's own rounding shows: |2u| is up to 84 here.
    assertThat(worst(Activation.GELU_TANH, exact, -9, -1)).isLessThan(200);
  }

  @Test
  void tanh_anyNumber_isWithinItsStatedError() {
    assertThat(worst(Activation.TANH, StrictMath::tanh, -20, 20)).isLessThan(2);
  }

  /// The largest error of an activation over numbers in `[low, high]`.
  private static double worst(
      Activation activation, DoubleUnaryOperator exact, double low, double high) {
    SplittableRandom random = new SplittableRandom(8);
    Activations activations = new Activations(SHAPE);
    double worst = 0;
    float where = 0;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment y = arena.allocate((long) SAMPLES * Float.BYTES, 64);
      float[] x = new float[SAMPLES];
      for (int i = 0; i < SAMPLES; i++) {
        float magnitude = negative(random, (float) Math.max(Math.abs(low), Math.abs(high)));
        float value = random.nextBoolean() ? magnitude : -magnitude;
        x[i] = value < low || value > high ? (float) random.nextDouble(low, high) : value;
      }
      MemorySegment.copy(x, 0, y, ValueLayout.JAVA_FLOAT, 0, SAMPLES);
      long own = arena.allocate((long) SAMPLES * Float.BYTES, 64).address();
      activations.apply(activation, y.address(), 0, 1, SAMPLES, own);
      for (int i = 0; i < SAMPLES; i++) {
        double error = ulps(y.getAtIndex(ValueLayout.JAVA_FLOAT, i), exact.applyAsDouble(x[i]));
        if (error > worst) {
          worst = error;
          where = x[i];
        }
      }
    }
    System.out.println(
        activation + " on [" + low + ", " + high + "]: " + worst + " ulp at " + where);
    return worst;
  }

  /// A number in `[-limit, 0]`: half of them even over the range, half even over the exponents.
  private static float negative(SplittableRandom random, float limit) {
    if (random.nextBoolean()) {
      return -limit * (float) random.nextDouble();
    }
    return -limit * (float) StrictMath.pow(2, -random.nextDouble(40));
  }

  private static double ulps(float actual, double exact) {
    double ulp = Math.max(Math.ulp((float) exact), Float.MIN_NORMAL * 0x1p-23);
    return Math.abs(actual - exact) / ulp;
  }

  private static float[] exponential(float[] x) {
    float[] y = new float[x.length];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
      new Exponential(SHAPE).ofNonPositive(memory.address(), x.length, 0f, 1f);
      MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, 0, y, 0, y.length);
    }
    return y;
  }
}
