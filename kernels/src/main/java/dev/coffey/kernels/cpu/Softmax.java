package dev.coffey.kernels.cpu;

import static java.nio.ByteOrder.nativeOrder;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/// The exponentials of a softmax, in two passes: the maximum, then `e^(scale·(x − max))` and its
/// sum. The division is left to the caller, who may have fewer numbers to divide.
final class Softmax {
  private final VectorShape shape;

  Softmax(VectorShape shape) {
    this.shape = shape;
  }

  /// Writes `y[i] = e^(scale·(x[i] − max x))` and returns `Σ y[i]`. `y` may be `x`; `scale` is
  /// above 0. Offsets are in bytes. Minus infinity gives 0, so it may fill a row up to whole lanes.
  float exponentials(
      MemorySegment x,
      long xOffset,
      MemorySegment y,
      long yOffset,
      int columns,
      float scale,
      float[] lanes) {
    float max = max(x, xOffset, columns, lanes);
    VectorSpecies<Float> species = shape.species();
    FloatVector sum = FloatVector.zero(species);
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = (long) i * Float.BYTES;
      FloatVector v = FloatVector.fromMemorySegment(species, x, xOffset + at, nativeOrder());
      FloatVector e = Exponential.ofNonPositive(species, v.sub(max).mul(scale));
      e.intoMemorySegment(y, yOffset + at, nativeOrder());
      sum = sum.add(e);
    }
    if (i < columns) {
      long at = (long) i * Float.BYTES;
      VectorMask<Float> mask = species.indexInRange(i, columns);
      FloatVector v = FloatVector.fromMemorySegment(species, x, xOffset + at, nativeOrder(), mask);
      FloatVector e = Exponential.ofNonPositive(species, v.sub(max).mul(scale));
      e.intoMemorySegment(y, yOffset + at, nativeOrder(), mask);
      sum = sum.add(e, mask);
    }
    sum.intoArray(lanes, 0);
    return Lanes.sum(lanes, species.length());
  }

  private float max(MemorySegment x, long offset, int columns, float[] lanes) {
    VectorSpecies<Float> species = shape.species();
    FloatVector max = FloatVector.broadcast(species, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i < species.loopBound(columns); i += species.length()) {
      long at = offset + (long) i * Float.BYTES;
      max = max.max(FloatVector.fromMemorySegment(species, x, at, nativeOrder()));
    }
    if (i < columns) {
      long at = offset + (long) i * Float.BYTES;
      VectorMask<Float> mask = species.indexInRange(i, columns);
      FloatVector v = FloatVector.fromMemorySegment(species, x, at, nativeOrder(), mask);
      max = max.lanewise(VectorOperators.MAX, v, mask);
    }
    max.intoArray(lanes, 0);
    return Lanes.max(lanes, species.length());
  }
}
