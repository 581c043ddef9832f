package dev.coffey.kernels.cpu;

import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// Makes one row of a text's rows, column by column, from the first row to the last.
final class TextPooling {
  private final VectorShape shape;

  TextPooling(VectorShape shape) {
    this.shape = shape;
  }

  /// Pools the `count` rows of `x` from `first` on to row `target` of `y`.
  void pool(Tensor x, int first, int count, Pooling pooling, Tensor y, int target) {
    switch (pooling) {
      case CLS -> copy(x, first, y, target);
      case LAST_TOKEN -> copy(x, first + count - 1, y, target);
      case MEAN -> weigh(x, first, count, 0, count, y, target);
      case MEAN_SQRT_LEN -> weigh(x, first, count, 0, (float) Math.sqrt(count), y, target);
      case WEIGHTED_MEAN -> {
        float weights = 0.5f * ((long) count * (count + 1));
        weigh(x, first, count, 1, weights, y, target);
      }
      case MAX -> max(x, first, count, y, target);
    }
  }

  private static void copy(Tensor x, int row, Tensor y, int target) {
    long bytes = (long) x.columns() * Float.BYTES;
    MemorySegment.copy(x.data(), at(x, row), y.data(), at(y, target), bytes);
  }

  /// `y = Σ (1 + slope·i)·x[i] / divisor`
  private void weigh(
      Tensor x, int first, int count, float slope, float divisor, Tensor y, int target) {
    VectorSpecies<Float> species = shape.species();
    long stride = at(x, 1);
    int columns = x.columns();
    int whole = shape.plain() ? 0 : species.loopBound(columns);
    int column = 0;
    for (; column < whole; column += species.length()) {
      long at = at(x, first) + (long) column * Float.BYTES;
      FloatVector sum = FloatVector.zero(species);
      for (int i = 0; i < count; i++) {
        FloatVector weight = FloatVector.broadcast(species, 1 + slope * i);
        sum =
            FloatVector.fromMemorySegment(species, x.data(), at + i * stride, nativeOrder())
                .fma(weight, sum);
      }
      sum.div(divisor)
          .intoMemorySegment(y.data(), at(y, target) + (long) column * Float.BYTES, nativeOrder());
    }
    for (; column < columns; column++) {
      long at = at(x, first) + (long) column * Float.BYTES;
      float sum = 0;
      for (int i = 0; i < count; i++) {
        sum = Math.fma(x.data().get(ValueLayout.JAVA_FLOAT, at + i * stride), 1 + slope * i, sum);
      }
      y.data()
          .set(ValueLayout.JAVA_FLOAT, at(y, target) + (long) column * Float.BYTES, sum / divisor);
    }
  }

  private void max(Tensor x, int first, int count, Tensor y, int target) {
    VectorSpecies<Float> species = shape.species();
    long stride = at(x, 1);
    int columns = x.columns();
    int whole = shape.plain() ? 0 : species.loopBound(columns);
    int column = 0;
    for (; column < whole; column += species.length()) {
      long at = at(x, first) + (long) column * Float.BYTES;
      FloatVector max = FloatVector.fromMemorySegment(species, x.data(), at, nativeOrder());
      for (int i = 1; i < count; i++) {
        max =
            max.max(
                FloatVector.fromMemorySegment(species, x.data(), at + i * stride, nativeOrder()));
      }
      max.intoMemorySegment(y.data(), at(y, target) + (long) column * Float.BYTES, nativeOrder());
    }
    for (; column < columns; column++) {
      long at = at(x, first) + (long) column * Float.BYTES;
      float max = x.data().get(ValueLayout.JAVA_FLOAT, at);
      for (int i = 1; i < count; i++) {
        max = Math.max(max, x.data().get(ValueLayout.JAVA_FLOAT, at + i * stride));
      }
      y.data().set(ValueLayout.JAVA_FLOAT, at(y, target) + (long) column * Float.BYTES, max);
    }
  }

  /// The byte at which row `n` begins.
  private static long at(Tensor tensor, int n) {
    return (long) n * tensor.stride() * Float.BYTES;
  }
}
