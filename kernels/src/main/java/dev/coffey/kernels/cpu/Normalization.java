package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ADDRESS;
import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static dev.coffey.kernels.cpu.NativeMemory.FLOAT;
import static dev.coffey.kernels.cpu.NativeMemory.addressOf;
import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.Norm;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Row-wise sums, norms and scalings. Rows are given by the address of their first number; every
/// sum over a row adds in an order that its width alone gives.
final class Normalization {
  private final VectorShape shape;
  private final PlainRows plain;

  Normalization(VectorShape shape) {
    this.shape = shape;
    this.plain = new PlainRows(shape.lanes());
  }

  /// `y = a + b`, element by element; `y` may be `a`.
  void add(long a, long b, long y, int columns) {
    if (shape.plain()) {
      plain.add(a, b, y, columns);
      return;
    }
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      FloatVector left = FloatVector.fromMemorySegment(species, ALL, at(a, i), nativeOrder());
      FloatVector right = FloatVector.fromMemorySegment(species, ALL, at(b, i), nativeOrder());
      left.add(right).intoMemorySegment(ALL, at(y, i), nativeOrder());
    }
    for (; i < columns; i++) {
      ALL.set(FLOAT, at(y, i), ALL.get(FLOAT, at(a, i)) + ALL.get(FLOAT, at(b, i)));
    }
  }

  /// `y = norm(x)`; `y` may be `x`.
  void norm(long x, Norm norm, long y, Scratch scratch) {
    int columns = norm.columns();
    long weight = addressOf(norm.weight().data());
    long bias = addressOf(norm.bias().data());
    float mean = 0;
    float scale = 1;
    if (norm.kind() == Norm.Kind.LAYER) {
      mean = sum(x, columns, scratch.lanes) / columns;
      float variance = squares(x, columns, mean, scratch.lanes) / columns;
      scale = (float) (1 / Math.sqrt((double) variance + norm.epsilon()));
    }
    if (shape.plain()) {
      plain.scale(x, mean, scale, norm, y);
      return;
    }
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      FloatVector w = FloatVector.fromMemorySegment(species, ALL, at(weight, i), nativeOrder());
      FloatVector b = FloatVector.fromMemorySegment(species, ALL, at(bias, i), nativeOrder());
      FloatVector v = FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder());
      v.sub(mean).mul(scale).fma(w, b).intoMemorySegment(ALL, at(y, i), nativeOrder());
    }
    for (; i < columns; i++) {
      float normed = (ALL.get(FLOAT, at(x, i)) - mean) * scale;
      ALL.set(
          FLOAT,
          at(y, i),
          Math.fma(normed, ALL.get(FLOAT, at(weight, i)), ALL.get(FLOAT, at(bias, i))));
    }
  }

  /// `y = x / max(‖x‖₂, 1e-12)`; `y` may be `x`.
  void l2Normalize(long x, long y, int columns, Scratch scratch) {
    // Squares of numbers beyond 1.8e19 overflow fp32, and those below 1e-19 vanish: such a row is
    // scaled first.
    float largest = largest(x, columns, scratch.lanes);
    boolean plain = largest > 1e-15f && largest < 1e15f;
    if (plain || largest == 0 || Float.isNaN(largest) || Float.isInfinite(largest)) {
      float length = (float) Math.sqrt(squares(x, columns, 0, scratch.lanes));
      divide(x, y, columns, Math.max(length, 1e-12f));
    } else {
      divide(x, y, columns, largest);
      float length = (float) Math.sqrt(squares(y, columns, 0, scratch.lanes));
      divide(y, y, columns, Math.max(length, 1e-12f / largest));
    }
  }

  /// `y = x / divisor`; `y` may be `x`.
  void divide(long x, long y, int columns, float divisor) {
    if (shape.plain()) {
      plain.divide(x, y, columns, divisor);
      return;
    }
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder())
          .div(divisor)
          .intoMemorySegment(ALL, at(y, i), nativeOrder());
    }
    for (; i < columns; i++) {
      ALL.set(FLOAT, at(y, i), ALL.get(FLOAT, at(x, i)) / divisor);
    }
  }

  /// `Σ x`
  float sum(long x, int columns, float[] lanes) {
    if (shape.plain()) {
      return plain.sum(x, columns);
    }
    VectorSpecies<Float> species = shape.species();
    FloatVector sum0 = FloatVector.zero(species);
    FloatVector sum1 = FloatVector.zero(species);
    int length = species.length();
    int i = 0;
    // Two sums, so that an addition needn't wait for the one before it.
    for (; i <= columns - 2 * length; i += 2 * length) {
      sum0 = sum0.add(FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder()));
      sum1 =
          sum1.add(FloatVector.fromMemorySegment(species, ALL, at(x, i + length), nativeOrder()));
    }
    for (; i < columns; i += length) {
      VectorMask<Float> mask = species.indexInRange(i, columns);
      sum0 = sum0.add(FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder(), mask));
    }
    sum0.add(sum1).intoArray(lanes, 0);
    return Lanes.sum(lanes, length);
  }

  /// `Σ (x − mean)²`
  private float squares(long x, int columns, float mean, float[] lanes) {
    if (shape.plain()) {
      return plain.squares(x, columns, mean);
    }
    VectorSpecies<Float> species = shape.species();
    FloatVector sum0 = FloatVector.zero(species);
    FloatVector sum1 = FloatVector.zero(species);
    int length = species.length();
    int i = 0;
    for (; i <= columns - 2 * length; i += 2 * length) {
      FloatVector d0 =
          FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder()).sub(mean);
      FloatVector d1 =
          FloatVector.fromMemorySegment(species, ALL, at(x, i + length), nativeOrder()).sub(mean);
      sum0 = d0.fma(d0, sum0);
      sum1 = d1.fma(d1, sum1);
    }
    for (; i < columns; i += length) {
      VectorMask<Float> mask = species.indexInRange(i, columns);
      FloatVector d =
          FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder(), mask)
              .sub(mean, mask);
      sum0 = d.fma(d, sum0);
    }
    sum0.add(sum1).intoArray(lanes, 0);
    return Lanes.sum(lanes, length);
  }

  /// `max |x|`
  private float largest(long x, int columns, float[] lanes) {
    if (shape.plain()) {
      return plain.largest(x, columns);
    }
    VectorSpecies<Float> species = shape.species();
    FloatVector max = FloatVector.zero(species);
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      max = max.max(FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder()).abs());
    }
    if (i < columns) {
      VectorMask<Float> mask = species.indexInRange(i, columns);
      max =
          max.max(FloatVector.fromMemorySegment(species, ALL, at(x, i), nativeOrder(), mask).abs());
    }
    max.intoArray(lanes, 0);
    return Lanes.max(lanes, species.length());
  }

  /// The address of number `i` of a row.
  private static long at(long row, int i) {
    return (row + (long) i * Float.BYTES) & ADDRESS;
  }
}
