package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ADDRESS;
import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// What follows a matrix product: `y = act(y)`, in place on rows that are still in the cache.
///
/// Errors against the exact function, in units in the last place of the result: GELU_ERF 4 for x >=
/// −1 and 8 below, where the usual `x/2·(1 + erf)` has no right digit left; GELU_TANH 4 for x >= −1
/// and 200 in the far tail, where its argument's own rounding shows in a result below 1e-30; TANH
/// 2.
final class Activations {
  // Φ(−a)/e^(−a²/2) as a quotient of polynomials in a on 0 <= a <= 14: minimax, relative error
  // 2.6e-8 as rounded. All
  // terms are positive, so nothing cancels (a polynomial in 1/(1 + a/4), the usual choice, was off
  // by 7 units near 0).
  private static final float N0 = 0.5f;
  private static final float N1 = 0.4372501f;
  private static final float N2 = 0.18246122f;
  private static final float N3 = 0.040372346f;
  private static final float N4 = 0.004077578f;
  private static final float D0 = 1f;
  private static final float D1 = 1.6723852f;
  private static final float D2 = 1.1992882f;
  private static final float D3 = 0.4674275f;
  private static final float D4 = 0.101205274f;
  private static final float D5 = 0.010220843f;
  // e^(−a²/2) is 0 in fp32 from here on; keeps ∞ out of the polynomial.
  private static final float TAIL_END = 14f;

  private static final float SQRT_TWO_OVER_PI = 0.7978846f;
  private static final float CUBIC = 0.044715f;

  // (tanh(x)/x − 1)/x² as a polynomial in x² on |x| <= 0.64: minimax, relative error 5.4e-9.
  private static final float T0 = -0.33333272f;
  private static final float T1 = 0.13331152f;
  private static final float T2 = -0.053714104f;
  private static final float T3 = 0.020551711f;
  private static final float T4 = -0.0056039053f;
  // Below, 1 − e^(−2x) would cancel.
  private static final float TANH_POLYNOMIAL_END = 0.625f;

  private final VectorShape shape;
  private final Exponential exponential;
  private final PlainRows plain;

  Activations(VectorShape shape) {
    this.shape = shape;
    this.plain = new PlainRows(shape.lanes());
    this.exponential = new Exponential(shape);
  }

  /// `rows` rows of `columns` numbers from address `y` on, `stride` bytes apart; `columns` is a
  /// multiple of the lanes. `own` is room for `columns` numbers more.
  ///
  /// Each activation goes over a row in steps, a loop a step, as [Exponential#ofNonPositive] says;
  /// `own` holds the exponential's argument and then its value.
  void apply(Activation activation, long y, long stride, int rows, int columns, long own) {
    for (int n = 0; n < rows; n++) {
      long row = y + n * stride;
      if (shape.plain()) {
        plain.apply(activation, row, columns);
        continue;
      }
      switch (activation) {
        case NONE -> {}
        case GELU_ERF -> {
          negativeSquares(row, columns, own);
          exponential.ofNonPositive(own, columns, 0f, 0.5f);
          geluErf(row, columns, own);
        }
        case GELU_TANH -> {
          cubics(row, columns, own);
          exponential.ofNonPositive(own, columns, 0f, 2f * SQRT_TWO_OVER_PI);
          geluTanh(row, columns, own);
        }
        case RELU -> relu(row, columns);
        case TANH -> {
          negativeMagnitudes(row, columns, own);
          exponential.ofNonPositive(own, columns, 0f, 2f);
          tanh(row, columns, own);
        }
      }
    }
  }

  /// `−a²` for a = |x|, at most [#TAIL_END].
  private void negativeSquares(long row, int columns, long to) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector a =
          FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder()).abs();
      a = a.blend(TAIL_END, a.compare(VectorOperators.GT, TAIL_END));
      a.mul(a.neg()).intoMemorySegment(ALL, (to + at) & ADDRESS, nativeOrder());
    }
  }

  /// `x·Φ(x)` with `Φ(−a) = e^(−a²/2)·n(a)/d(a)`: relative precision also in the lower tail, where
  /// `1 + erf` cancels.
  private void geluErf(long row, int columns, long exponentials) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector x =
          FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder());
      FloatVector e =
          FloatVector.fromMemorySegment(species, ALL, (exponentials + at) & ADDRESS, nativeOrder());
      FloatVector a = x.abs();
      a = a.blend(TAIL_END, a.compare(VectorOperators.GT, TAIL_END));
      FloatVector n = FloatVector.broadcast(species, N4).fma(a, FloatVector.broadcast(species, N3));
      n = n.fma(a, FloatVector.broadcast(species, N2));
      n = n.fma(a, FloatVector.broadcast(species, N1));
      n = n.fma(a, FloatVector.broadcast(species, N0));
      FloatVector d = FloatVector.broadcast(species, D5).fma(a, FloatVector.broadcast(species, D4));
      d = d.fma(a, FloatVector.broadcast(species, D3));
      d = d.fma(a, FloatVector.broadcast(species, D2));
      d = d.fma(a, FloatVector.broadcast(species, D1));
      d = d.fma(a, FloatVector.broadcast(species, D0));
      // a² rounds by up to 2^−24 of itself, which the exponential would blow up: `lost` is what the
      // rounding took away.
      FloatVector lost = a.fma(a, a.mul(a.neg()));
      e = e.fma(lost.mul(-0.5f), e);
      FloatVector tail = n.div(d).mul(e);
      FloatVector one = FloatVector.broadcast(species, 1f);
      x.mul(tail.blend(one.sub(tail), x.compare(VectorOperators.GE, 0f)))
          .intoMemorySegment(ALL, (row + at) & ADDRESS, nativeOrder());
    }
  }

  /// `−|x + 0.044715·x³|`
  private void cubics(long row, int columns, long to) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector x =
          FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder());
      x.mul(x)
          .fma(FloatVector.broadcast(species, CUBIC), FloatVector.broadcast(species, 1f))
          .mul(x)
          .abs()
          .neg()
          .intoMemorySegment(ALL, (to + at) & ADDRESS, nativeOrder());
    }
  }

  /// `x/2·(1 + tanh(u)) = x/(1 + e^(−2u))`: with e only of numbers below 0, nothing overflows or
  /// cancels.
  private void geluTanh(long row, int columns, long exponentials) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector x =
          FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder());
      FloatVector e =
          FloatVector.fromMemorySegment(species, ALL, (exponentials + at) & ADDRESS, nativeOrder());
      FloatVector one = FloatVector.broadcast(species, 1f);
      FloatVector numerator = e.blend(one, x.compare(VectorOperators.GE, 0f));
      x.mul(numerator.div(e.add(1f))).intoMemorySegment(ALL, (row + at) & ADDRESS, nativeOrder());
    }
  }

  private void relu(long row, int columns) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (row + (long) i * Float.BYTES) & ADDRESS;
      FloatVector x = FloatVector.fromMemorySegment(species, ALL, at, nativeOrder());
      x.blend(0f, x.compare(VectorOperators.LT, 0f)).intoMemorySegment(ALL, at, nativeOrder());
    }
  }

  /// `−|x|`
  private void negativeMagnitudes(long row, int columns, long to) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder())
          .abs()
          .neg()
          .intoMemorySegment(ALL, (to + at) & ADDRESS, nativeOrder());
    }
  }

  private void tanh(long row, int columns, long exponentials) {
    VectorSpecies<Float> species = shape.species();
    for (int i = 0; i < columns; i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector x =
          FloatVector.fromMemorySegment(species, ALL, (row + at) & ADDRESS, nativeOrder());
      FloatVector e =
          FloatVector.fromMemorySegment(species, ALL, (exponentials + at) & ADDRESS, nativeOrder());
      FloatVector one = FloatVector.broadcast(species, 1f);
      FloatVector large = one.sub(e).div(one.add(e));
      large = large.blend(large.neg(), x.compare(VectorOperators.LT, 0f));
      FloatVector s = x.mul(x);
      FloatVector p = FloatVector.broadcast(species, T4).fma(s, FloatVector.broadcast(species, T3));
      p = p.fma(s, FloatVector.broadcast(species, T2));
      p = p.fma(s, FloatVector.broadcast(species, T1));
      p = p.fma(s, FloatVector.broadcast(species, T0));
      FloatVector small = p.mul(s).fma(x, x);
      large
          .blend(small, x.abs().compare(VectorOperators.LT, TANH_POLYNOMIAL_END))
          .intoMemorySegment(ALL, (row + at) & ADDRESS, nativeOrder());
    }
  }

  /// `act(x)` by the same operations, for one number.
  static float plain(Activation activation, float x) {
    return switch (activation) {
      case NONE -> x;
      case GELU_ERF -> {
        float a = magnitude(x);
        yield geluErf(x, a, Exponential.plain((a * -a) * 0.5f));
      }
      case GELU_TANH -> {
        float u = -Math.abs(Math.fma(x * x, CUBIC, 1f) * x);
        float e = Exponential.plain(u * (2f * SQRT_TWO_OVER_PI));
        yield x * ((x >= 0f ? 1f : e) / (e + 1f));
      }
      case RELU -> x < 0f ? 0f : x;
      case TANH -> tanh(x, Exponential.plain(-Math.abs(x) * 2f));
    };
  }

  private static float magnitude(float x) {
    float a = Math.abs(x);
    return a > TAIL_END ? TAIL_END : a;
  }

  private static float geluErf(float x, float a, float exponential) {
    float n = Math.fma(N4, a, N3);
    n = Math.fma(n, a, N2);
    n = Math.fma(n, a, N1);
    n = Math.fma(n, a, N0);
    float d = Math.fma(D5, a, D4);
    d = Math.fma(d, a, D3);
    d = Math.fma(d, a, D2);
    d = Math.fma(d, a, D1);
    d = Math.fma(d, a, D0);
    float lost = Math.fma(a, a, a * -a);
    float e = Math.fma(exponential, lost * -0.5f, exponential);
    float tail = n / d * e;
    return x * (x >= 0f ? 1f - tail : tail);
  }

  private static float tanh(float x, float e) {
    float large = (1f - e) / (1f + e);
    float s = x * x;
    float p = Math.fma(T4, s, T3);
    p = Math.fma(p, s, T2);
    p = Math.fma(p, s, T1);
    p = Math.fma(p, s, T0);
    float small = Math.fma(p * s, x, x);
    return Math.abs(x) < TANH_POLYNOMIAL_END ? small : x < 0f ? -large : large;
  }
}
