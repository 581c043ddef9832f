package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.addressOf;

import dev.coffey.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Attention of one head over one text. Keys and values are packed once into panels; then, for
/// [#QUERIES] queries at a time, scores are one product of matrices, their exponentials are taken
/// in place, and a second product weighs the values. All lies in this thread's scratch: for 512
/// keys of width 64, 256 KiB of panels and 72 KiB of scores twice (packed too), which fit the
/// second-level cache.
///
/// A query's sum runs over the text's keys from first to last, whatever other queries there are.
final class Attention {
  /// Enough rows to make use of each panel that was read into the first-level cache; few enough for
  /// the scores of long texts to stay in the second.
  static final int QUERIES = 36;

  /// [#QUERIES] down to whole tiles.
  private final int queriesAtATime;

  private final VectorShape shape;
  private final PanelMultiplication multiplication;
  private final Softmax softmax;
  private final Normalization normalization;

  Attention(VectorShape shape, PanelMultiplication multiplication) {
    this.queriesAtATime = QUERIES / shape.tileRows() * shape.tileRows();
    this.shape = shape;
    this.multiplication = multiplication;
    this.softmax = new Softmax(shape);
    this.normalization = new Normalization(shape);
  }

  /// Attention of the `queries` rows of q from `firstQuery` on over the `keys` rows of k and v from
  /// `firstKey` on, in the `width` columns from `column` on.
  void head(
      Tensor q,
      int firstQuery,
      int queries,
      Tensor k,
      Tensor v,
      int firstKey,
      int keys,
      int column,
      int width,
      Tensor y,
      Scratch scratch) {
    if (keys == 0) {
      for (int n = firstQuery; n < firstQuery + queries; n++) {
        y.data().asSlice(at(y, n, column), (long) width * Float.BYTES).fill((byte) 0);
      }
      return;
    }
    int lanes = shape.lanes();
    int filled = (keys + lanes - 1) / lanes * lanes;
    int keyPanels = multiplication.panels(keys);
    int valuePanels = multiplication.panels(width);
    int panelColumns = multiplication.panelColumns();
    // Scores have room for whole panels, so that no panel needs a detour.
    long scoreStride = (long) keyPanels * panelColumns * Float.BYTES;
    int block = Math.min(queries, queriesAtATime);
    RowTiling largest = multiplication.tiling(block);
    long valuesAt = aligned(multiplication.packedBytes(keys, width));
    long scoresAt = valuesAt + aligned(multiplication.packedBytes(width, keys));
    long packedAt = scoresAt + block * scoreStride;
    long tailAt = packedAt + aligned(largest.packedBytes(Math.max(width, keys)));
    long tailStride = (long) panelColumns * Float.BYTES;
    MemorySegment memory = scratch.reserve(tailAt + block * tailStride);
    long base = memory.address();
    multiplication.packRows(
        addressOf(k.data()) + at(k, firstKey, column), stride(k), keys, width, base);
    multiplication.packColumns(
        addressOf(v.data()) + at(v, firstKey, column), stride(v), width, keys, base + valuesAt);
    float scale = (float) (1 / Math.sqrt(width));
    for (int done = 0; done < queries; done += block) {
      int rows = Math.min(block, queries - done);
      RowTiling tiling = multiplication.tiling(rows);
      long yAt = at(y, firstQuery + done, column);
      multiplication.packBlock(
          addressOf(q.data()) + at(q, firstQuery + done, column),
          stride(q),
          tiling,
          width,
          base + packedAt);
      for (int panel = 0; panel < keyPanels; panel++) {
        multiplication.multiply(
            tiling,
            base + packedAt,
            base + panel * multiplication.panelBytes(width),
            width,
            multiplication.zeros(),
            0,
            base + scoresAt + panel * tailStride,
            scoreStride,
            0);
      }
      for (int n = 0; n < rows; n++) {
        long row = scoresAt + n * scoreStride;
        for (int m = keys; m < filled; m++) {
          memory.set(ValueLayout.JAVA_FLOAT, row + (long) m * Float.BYTES, Float.NEGATIVE_INFINITY);
        }
        scratch.rowSums[n] = softmax.exponentials(base + row, filled, scale, scratch.lanes);
      }
      multiplication.packBlock(base + scoresAt, scoreStride, tiling, keys, base + packedAt);
      for (int panel = 0; panel < valuePanels; panel++) {
        int columns = Math.min(panelColumns, width - panel * panelColumns);
        long yColumn = addressOf(y.data()) + yAt + panel * tailStride;
        boolean whole = columns == panelColumns;
        multiplication.multiply(
            tiling,
            base + packedAt,
            base + valuesAt + panel * multiplication.panelBytes(keys),
            keys,
            multiplication.zeros(),
            0,
            whole ? yColumn : base + tailAt,
            whole ? stride(y) : tailStride,
            0);
        if (!whole) {
          PanelMultiplication.copy(base + tailAt, tailStride, rows, columns, yColumn, stride(y));
        }
      }
      for (int n = 0; n < rows; n++) {
        long row = addressOf(y.data()) + yAt + n * stride(y);
        normalization.divide(row, row, width, scratch.rowSums[n]);
      }
    }
  }

  private static long at(Tensor tensor, int row, int column) {
    return ((long) row * tensor.stride() + column) * Float.BYTES;
  }

  private static long stride(Tensor tensor) {
    return (long) tensor.stride() * Float.BYTES;
  }

  private static long aligned(long bytes) {
    return (bytes + CpuArena.ALIGNMENT - 1) / CpuArena.ALIGNMENT * CpuArena.ALIGNMENT;
  }
}
