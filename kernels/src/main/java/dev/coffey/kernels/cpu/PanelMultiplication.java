package dev.coffey.kernels.cpu;

import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.HostTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// `y = x·Bᵀ` for a matrix B of (columns, depth) that was packed into panels: `panelColumns` rows
/// of B side by side, for each step of the depth one number of each, zeros where B has no more
/// rows. Strides and offsets are in bytes.
///
/// Each number of y is one chain of fused multiply-adds from the first step of the depth to the
/// last, whatever the number of rows and columns: that is what makes a row's bits independent of
/// its batch.
final class PanelMultiplication {
  /// Two vectors and four rows: 8 chains, as many as two FMA units of 4 cycles' latency need.
  private static final int VECTORS = 2;

  private static final int ROWS = 4;

  private final VectorShape shape;
  private final int panelColumns;

  PanelMultiplication(VectorShape shape) {
    this.shape = shape;
    this.panelColumns = VECTORS * shape.lanes();
  }

  /// The rows of B in one panel.
  int panelColumns() {
    return panelColumns;
  }

  /// The panels that hold `columns` rows of B.
  int panels(int columns) {
    return (columns + panelColumns - 1) / panelColumns;
  }

  /// The size of one panel.
  long panelBytes(int depth) {
    return (long) panelColumns * depth * Float.BYTES;
  }

  /// The size of a whole packed matrix.
  long packedBytes(int columns, int depth) {
    return panels(columns) * panelBytes(depth);
  }

  /// Packs a checkpoint's matrix B to `target[offset..)`, which must be zeros.
  void pack(HostTensor source, MemorySegment target, long offset) {
    int depth = source.columns();
    float[] row = new float[depth];
    for (int column = 0; column < source.rows(); column++) {
      HostRows.read(source, column, row);
      long at =
          offset
              + column / panelColumns * panelBytes(depth)
              + (long) (column % panelColumns) * Float.BYTES;
      for (int i = 0; i < depth; i++) {
        target.set(ValueLayout.JAVA_FLOAT, at + (long) i * panelColumns * Float.BYTES, row[i]);
      }
    }
  }

  /// Packs B from `columns` rows of fp32 numbers, `stride` apart, to `target[offset..)`.
  void packRows(
      MemorySegment source,
      long sourceOffset,
      long stride,
      int columns,
      int depth,
      MemorySegment target,
      long offset) {
    long step = (long) panelColumns * Float.BYTES;
    for (int first = 0; first < columns; first += panelColumns) {
      int count = Math.min(panelColumns, columns - first);
      long panel = offset + first / panelColumns * panelBytes(depth);
      if (count < panelColumns) {
        target.asSlice(panel, panelBytes(depth)).fill((byte) 0);
      }
      for (int j = 0; j < count; j++) {
        long from = sourceOffset + (first + j) * stride;
        long to = panel + (long) j * Float.BYTES;
        for (int i = 0; i < depth; i++) {
          float value = source.get(ValueLayout.JAVA_FLOAT, from + (long) i * Float.BYTES);
          target.set(ValueLayout.JAVA_FLOAT, to + i * step, value);
        }
      }
    }
  }

  /// Packs B from its transpose: `depth` rows of `columns` fp32 numbers, `stride` apart, to
  /// `target[offset..)`.
  void packColumns(
      MemorySegment source,
      long sourceOffset,
      long stride,
      int columns,
      int depth,
      MemorySegment target,
      long offset) {
    long step = (long) panelColumns * Float.BYTES;
    for (int first = 0; first < columns; first += panelColumns) {
      long bytes = (long) Math.min(panelColumns, columns - first) * Float.BYTES;
      long panel = offset + first / panelColumns * panelBytes(depth);
      if (bytes < step) {
        target.asSlice(panel, panelBytes(depth)).fill((byte) 0);
      }
      for (int i = 0; i < depth; i++) {
        long from = sourceOffset + i * stride + (long) first * Float.BYTES;
        MemorySegment.copy(source, from, target, panel + i * step, bytes);
      }
    }
  }

  /// Computes `columns` columns of `rows` rows of y, the columns being those of the panels from
  /// `panelOffset` on.
  void multiply(
      MemorySegment x,
      long xOffset,
      long xStride,
      int rows,
      MemorySegment panels,
      long panelOffset,
      int depth,
      MemorySegment y,
      long yOffset,
      long yStride,
      int columns) {
    for (int column = 0; column < columns; column += panelColumns) {
      long panel = panelOffset + column / panelColumns * panelBytes(depth);
      long yColumn = yOffset + (long) column * Float.BYTES;
      int count = Math.min(panelColumns, columns - column);
      int n = 0;
      for (; n <= rows - ROWS; n += ROWS) {
        fourRows(
            x,
            xOffset + n * xStride,
            xStride,
            panels,
            panel,
            depth,
            y,
            yColumn + n * yStride,
            yStride,
            count);
      }
      for (; n < rows; n++) {
        oneRow(x, xOffset + n * xStride, panels, panel, depth, y, yColumn + n * yStride, count);
      }
    }
  }

  private void fourRows(
      MemorySegment x,
      long xOffset,
      long xStride,
      MemorySegment panels,
      long panel,
      int depth,
      MemorySegment y,
      long yOffset,
      long yStride,
      int count) {
    VectorSpecies<Float> species = shape.species();
    int bytes = species.vectorByteSize();
    FloatVector y00 = FloatVector.zero(species);
    FloatVector y01 = y00;
    FloatVector y10 = y00;
    FloatVector y11 = y00;
    FloatVector y20 = y00;
    FloatVector y21 = y00;
    FloatVector y30 = y00;
    FloatVector y31 = y00;
    for (int i = 0; i < depth; i++) {
      long at = panel + (long) i * 2 * bytes;
      FloatVector b0 = FloatVector.fromMemorySegment(species, panels, at, nativeOrder());
      FloatVector b1 = FloatVector.fromMemorySegment(species, panels, at + bytes, nativeOrder());
      long xAt = xOffset + (long) i * Float.BYTES;
      FloatVector x0 = FloatVector.broadcast(species, x.get(ValueLayout.JAVA_FLOAT, xAt));
      y00 = x0.fma(b0, y00);
      y01 = x0.fma(b1, y01);
      FloatVector x1 = FloatVector.broadcast(species, x.get(ValueLayout.JAVA_FLOAT, xAt + xStride));
      y10 = x1.fma(b0, y10);
      y11 = x1.fma(b1, y11);
      FloatVector x2 =
          FloatVector.broadcast(species, x.get(ValueLayout.JAVA_FLOAT, xAt + 2 * xStride));
      y20 = x2.fma(b0, y20);
      y21 = x2.fma(b1, y21);
      FloatVector x3 =
          FloatVector.broadcast(species, x.get(ValueLayout.JAVA_FLOAT, xAt + 3 * xStride));
      y30 = x3.fma(b0, y30);
      y31 = x3.fma(b1, y31);
    }
    store(y, yOffset, count, y00, y01);
    store(y, yOffset + yStride, count, y10, y11);
    store(y, yOffset + 2 * yStride, count, y20, y21);
    store(y, yOffset + 3 * yStride, count, y30, y31);
  }

  private void oneRow(
      MemorySegment x,
      long xOffset,
      MemorySegment panels,
      long panel,
      int depth,
      MemorySegment y,
      long yOffset,
      int count) {
    VectorSpecies<Float> species = shape.species();
    int bytes = species.vectorByteSize();
    FloatVector y0 = FloatVector.zero(species);
    FloatVector y1 = y0;
    for (int i = 0; i < depth; i++) {
      long at = panel + (long) i * 2 * bytes;
      FloatVector value =
          FloatVector.broadcast(
              species, x.get(ValueLayout.JAVA_FLOAT, xOffset + (long) i * Float.BYTES));
      y0 = value.fma(FloatVector.fromMemorySegment(species, panels, at, nativeOrder()), y0);
      y1 = value.fma(FloatVector.fromMemorySegment(species, panels, at + bytes, nativeOrder()), y1);
    }
    store(y, yOffset, count, y0, y1);
  }

  private void store(MemorySegment y, long at, int count, FloatVector first, FloatVector second) {
    VectorSpecies<Float> species = shape.species();
    if (count == 2 * species.length()) {
      first.intoMemorySegment(y, at, nativeOrder());
      second.intoMemorySegment(y, at + species.vectorByteSize(), nativeOrder());
    } else {
      first.intoMemorySegment(y, at, nativeOrder(), species.indexInRange(0, count));
      second.intoMemorySegment(
          y,
          at + species.vectorByteSize(),
          nativeOrder(),
          species.indexInRange(species.length(), count));
    }
  }
}
