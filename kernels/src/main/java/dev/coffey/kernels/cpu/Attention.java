package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// Attention of one head over one text. Keys and values are packed once into panels; then, for
/// [#QUERIES] queries at a time, scores are one product of matrices, their exponentials are taken
/// in place, and a second product weighs the values. All lies in this thread's scratch: for 512
/// keys of width 64, 256 KiB of panels and 64 KiB of scores, which fit the second-level cache.
///
/// A query's sum runs over the text's keys from first to last, whatever other queries there are.
final class Attention {
  /// Enough rows to make use of each panel that was read into the first-level cache; few enough for
  /// the scores of long texts to stay in the second.
  static final int QUERIES = 32;

  private final VectorShape shape;
  private final PanelMultiplication multiplication;
  private final Softmax softmax;
  private final Normalization normalization;

  Attention(VectorShape shape, PanelMultiplication multiplication) {
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
    long scoreStride = (long) filled * Float.BYTES;
    int block = Math.min(queries, QUERIES);
    long valuesAt = aligned(multiplication.packedBytes(keys, width));
    long scoresAt = valuesAt + aligned(multiplication.packedBytes(width, keys));
    MemorySegment memory = scratch.reserve(scoresAt + block * scoreStride);
    long kAt = at(k, firstKey, column);
    multiplication.packRows(k.data(), kAt, stride(k), keys, width, memory, 0);
    long vAt = at(v, firstKey, column);
    multiplication.packColumns(v.data(), vAt, stride(v), width, keys, memory, valuesAt);
    float scale = (float) (1 / Math.sqrt(width));
    for (int done = 0; done < queries; done += block) {
      int rows = Math.min(block, queries - done);
      long qAt = at(q, firstQuery + done, column);
      long yAt = at(y, firstQuery + done, column);
      multiplication.multiply(
          q.data(), qAt, stride(q), rows, memory, 0, width, memory, scoresAt, scoreStride, keys);
      for (int n = 0; n < rows; n++) {
        long row = scoresAt + n * scoreStride;
        for (int m = keys; m < filled; m++) {
          memory.set(ValueLayout.JAVA_FLOAT, row + (long) m * Float.BYTES, Float.NEGATIVE_INFINITY);
        }
        scratch.rowSums[n] =
            softmax.exponentials(memory, row, memory, row, filled, scale, scratch.lanes);
      }
      multiplication.multiply(
          memory,
          scoresAt,
          scoreStride,
          rows,
          memory,
          valuesAt,
          keys,
          y.data(),
          yAt,
          stride(y),
          width);
      for (int n = 0; n < rows; n++) {
        long row = yAt + n * stride(y);
        normalization.divide(y.data(), row, y.data(), row, width, scratch.rowSums[n]);
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
