package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;

/// A dense row-major matrix in host memory as a checkpoint stores it, little-endian and perhaps
/// unaligned: what a backend reads once, at load. A vector is (1, n). The segment must stay alive
/// until the call it is passed to returns.
public record HostTensor(MemorySegment data, DType dtype, int rows, int columns) {

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
    return dtype.get(data, (long) row * columns + column);
  }
}
