package dev.coffey.kernels.cpu;

import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.Norm;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/// Row-wise sums, norms and scalings. All offsets are in bytes; every sum over a row adds in an
/// order that its width alone gives.
final class Normalization {
  private final VectorShape shape;

  Normalization(VectorShape shape) {
    this.shape = shape;
  }

  /// `y = a + b`, element by element; `y` may be `a`.
  void add(
      MemorySegment a,
      long aOffset,
      MemorySegment b,
      long bOffset,
      MemorySegment y,
      long yOffset,
      int columns) {
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector right = FloatVector.fromMemorySegment(species, b, bOffset + at, nativeOrder());
      FloatVector.fromMemorySegment(species, a, aOffset + at, nativeOrder())
          .add(right)
          .intoMemorySegment(y, yOffset + at, nativeOrder());
    }
    for (; i < columns; i++) {
      long at = (long) i * Float.BYTES;
      float right = b.get(ValueLayout.JAVA_FLOAT, bOffset + at);
      y.set(
          ValueLayout.JAVA_FLOAT,
          yOffset + at,
          a.get(ValueLayout.JAVA_FLOAT, aOffset + at) + right);
    }
  }

  /// `y = norm(x)`; `y` may be `x`.
  void norm(
      MemorySegment x, long xOffset, Norm norm, MemorySegment y, long yOffset, Scratch scratch) {
    int columns = norm.columns();
    float mean = 0;
    float scale = 1;
    if (norm.kind() == Norm.Kind.LAYER) {
      mean = sum(x, xOffset, columns, scratch.lanes) / columns;
      float variance = squares(x, xOffset, columns, mean, scratch.lanes) / columns;
      scale = (float) (1 / Math.sqrt((double) variance + norm.epsilon()));
    }
    MemorySegment weight = norm.weight().data();
    MemorySegment bias = norm.bias().data();
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector w = FloatVector.fromMemorySegment(species, weight, at, nativeOrder());
      FloatVector b = FloatVector.fromMemorySegment(species, bias, at, nativeOrder());
      FloatVector.fromMemorySegment(species, x, xOffset + at, nativeOrder())
          .sub(mean)
          .mul(scale)
          .fma(w, b)
          .intoMemorySegment(y, yOffset + at, nativeOrder());
    }
    for (; i < columns; i++) {
      long at = (long) i * Float.BYTES;
      float normed = (x.get(ValueLayout.JAVA_FLOAT, xOffset + at) - mean) * scale;
      float w = weight.get(ValueLayout.JAVA_FLOAT, at);
      float b = bias.get(ValueLayout.JAVA_FLOAT, at);
      y.set(ValueLayout.JAVA_FLOAT, yOffset + at, Math.fma(normed, w, b));
    }
  }

  /// `y = x / max(‖x‖₂, 1e-12)`; `y` may be `x`.
  void l2Normalize(
      MemorySegment x, long xOffset, MemorySegment y, long yOffset, int columns, Scratch scratch) {
    // Squares of numbers beyond 1.8e19 overflow fp32, and those below 1e-19 vanish: such a row is
    // scaled first.
    float largest = largest(x, xOffset, columns, scratch.lanes);
    boolean plain = largest > 1e-15f && largest < 1e15f;
    if (plain || largest == 0 || Float.isNaN(largest) || Float.isInfinite(largest)) {
      float length = (float) Math.sqrt(squares(x, xOffset, columns, 0, scratch.lanes));
      divide(x, xOffset, y, yOffset, columns, Math.max(length, 1e-12f));
    } else {
      divide(x, xOffset, y, yOffset, columns, largest);
      float length = (float) Math.sqrt(squares(y, yOffset, columns, 0, scratch.lanes));
      divide(y, yOffset, y, yOffset, columns, Math.max(length, 1e-12f / largest));
    }
  }

  /// `y = x / divisor`; `y` may be `x`.
  void divide(
      MemorySegment x, long xOffset, MemorySegment y, long yOffset, int columns, float divisor) {
    VectorSpecies<Float> species = shape.species();
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector.fromMemorySegment(species, x, xOffset + at, nativeOrder())
          .div(divisor)
          .intoMemorySegment(y, yOffset + at, nativeOrder());
    }
    for (; i < columns; i++) {
      long at = (long) i * Float.BYTES;
      y.set(
          ValueLayout.JAVA_FLOAT,
          yOffset + at,
          x.get(ValueLayout.JAVA_FLOAT, xOffset + at) / divisor);
    }
  }

  /// `Σ x`
  float sum(MemorySegment x, long offset, int columns, float[] lanes) {
    VectorSpecies<Float> species = shape.species();
    FloatVector sum0 = FloatVector.zero(species);
    FloatVector sum1 = FloatVector.zero(species);
    int step = 2 * species.length();
    int i = 0;
    // Two sums, as an addition takes 3 to 4 cycles and a core starts one or two a cycle; more gave
    // nothing: loads bound.
    for (; i <= columns - step; i += step) {
      long at = offset + (long) i * Float.BYTES;
      sum0 = sum0.add(FloatVector.fromMemorySegment(species, x, at, nativeOrder()));
      sum1 =
          sum1.add(
              FloatVector.fromMemorySegment(
                  species, x, at + species.vectorByteSize(), nativeOrder()));
    }
    for (; i < columns; i += species.length()) {
      long at = offset + (long) i * Float.BYTES;
      VectorMask<Float> mask = species.indexInRange(i, columns);
      sum0 = sum0.add(FloatVector.fromMemorySegment(species, x, at, nativeOrder(), mask));
    }
    sum0.add(sum1).intoArray(lanes, 0);
    return Lanes.sum(lanes, species.length());
  }

  /// `Σ (x − mean)²`
  private float squares(MemorySegment x, long offset, int columns, float mean, float[] lanes) {
    VectorSpecies<Float> species = shape.species();
    FloatVector sum0 = FloatVector.zero(species);
    FloatVector sum1 = FloatVector.zero(species);
    int step = 2 * species.length();
    int i = 0;
    for (; i <= columns - step; i += step) {
      long at = offset + (long) i * Float.BYTES;
      FloatVector d0 = FloatVector.fromMemorySegment(species, x, at, nativeOrder()).sub(mean);
      FloatVector d1 =
          FloatVector.fromMemorySegment(species, x, at + species.vectorByteSize(), nativeOrder())
              .sub(mean);
      sum0 = d0.fma(d0, sum0);
      sum1 = d1.fma(d1, sum1);
    }
    for (; i < columns; i += species.length()) {
      long at = offset + (long) i * Float.BYTES;
      VectorMask<Float> mask = species.indexInRange(i, columns);
      FloatVector d =
          FloatVector.fromMemorySegment(species, x, at, nativeOrder(), mask).sub(mean, mask);
      sum0 = d.fma(d, sum0);
    }
    sum0.add(sum1).intoArray(lanes, 0);
    return Lanes.sum(lanes, species.length());
  }

  /// `max |x|`
  private float largest(MemorySegment x, long offset, int columns, float[] lanes) {
    VectorSpecies<Float> species = shape.species();
    FloatVector max = FloatVector.zero(species);
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = offset + (long) i * Float.BYTES;
      max = max.max(FloatVector.fromMemorySegment(species, x, at, nativeOrder()).abs());
    }
    if (i < columns) {
      long at = offset + (long) i * Float.BYTES;
      VectorMask<Float> mask = species.indexInRange(i, columns);
      max = max.max(FloatVector.fromMemorySegment(species, x, at, nativeOrder(), mask).abs());
    }
    max.intoArray(lanes, 0);
    return Lanes.max(lanes, species.length());
  }
}
