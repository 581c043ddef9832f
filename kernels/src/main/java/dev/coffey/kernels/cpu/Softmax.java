package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ADDRESS;
import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static java.nio.ByteOrder.nativeOrder;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The exponentials of a softmax: the maximum, then `e^(scale·(x − max))`, then their sum. The
/// division is left to the caller, who may have fewer numbers to divide.
final class Softmax {
  private final VectorShape shape;
  private final Exponential exponential;
  private final Normalization normalization;
  private final PlainRows plain;

  Softmax(VectorShape shape) {
    this.shape = shape;
    this.plain = new PlainRows(shape.lanes());
    this.exponential = new Exponential(shape);
    this.normalization = new Normalization(shape);
  }

  /// Makes `x[i]` of the row at address `row` into `e^(scale·(x[i] − max x))` and returns their
  /// sum. `scale` is above 0. A row has a multiple of the lanes; minus infinity gives 0, so it may
  /// fill a row up.
  float exponentials(long row, int columns, float scale, float[] lanes) {
    float max = max(row, columns, lanes);
    exponential.ofNonPositive(row, columns, max, scale);
    return normalization.sum(row, columns, lanes);
  }

  private float max(long x, int columns, float[] lanes) {
    if (shape.plain()) {
      return plain.max(x, columns);
    }
    VectorSpecies<Float> species = shape.species();
    FloatVector max = FloatVector.broadcast(species, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < columns; i += species.length()) {
      long at = (x + (long) i * Float.BYTES) & ADDRESS;
      max = max.max(FloatVector.fromMemorySegment(species, ALL, at, nativeOrder()));
    }
    max.intoArray(lanes, 0);
    return Lanes.max(lanes, species.length());
  }
}
