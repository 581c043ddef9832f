package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// A dense row-major matrix in host memory as a checkpoint stores it, little-endian and perhaps
/// unaligned: what a backend reads once, at load. A vector is (1, n). The segment must stay alive
/// until the call it is passed to returns.
public record HostTensor(MemorySegment data, DType dtype, int rows, int columns) {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  public HostTensor {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException(
          "host tensor: negative shape (" + rows + ", " + columns + ")");
    }
    long expected = (long) rows * columns * dtype.bytes();
    if (data.byteSize() != expected) {
      throw new IllegalArgumentException(
          "host tensor: (%d, %d) of %s needs %d bytes, got %d"
              .formatted(rows, columns, dtype, expected, data.byteSize()));
    }
  }

  /// A view of an array, as (rows, columns) of [DType#F32].
  public static HostTensor of(float[] values, int rows, int columns) {
    return new HostTensor(MemorySegment.ofArray(values), DType.F32, rows, columns);
  }

  /// The number in row `row`, column `column`, as fp32.
  public float at(int row, int column) {
    long index = (long) row * columns + column;
    return switch (dtype) {
      case F32 -> data.get(FLOAT, index * Float.BYTES);
      case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << 16);
    };
  }
}
