package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;

/// A matrix, or a view of one, in the memory of the backend whose [TensorArena] made it: `rows`
/// rows of `columns` numbers, consecutive rows `stride` numbers apart. A vector is (1, n). Which
/// numbers is the backend's own affair: fp32, unless it was opened for another precision.
///
/// The segment is an address in the device's memory: only the owning backend may read or write
/// through it. A tensor lives as long as its arena. Views share memory with what they were taken
/// from.
public record Tensor(MemorySegment data, DType dtype, int rows, int columns, int stride) {
  public Tensor {
    if (rows < 0 || columns < 0 || stride < columns) {
      throw new IllegalArgumentException(
          "tensor: shape (" + rows + ", " + columns + ") with stride " + stride);
    }
    long needed = rows == 0 ? 0 : ((long) (rows - 1) * stride + columns) * dtype.bytes();
    if (data.byteSize() < needed) {
      throw new IllegalArgumentException(
          "tensor: (%d, %d) with stride %d needs %d bytes, has %d"
              .formatted(rows, columns, stride, needed, data.byteSize()));
    }
  }

  /// An fp32 matrix.
  public Tensor(MemorySegment data, int rows, int columns, int stride) {
    this(data, DType.F32, rows, columns, stride);
  }

  /// The rows `from` (included) to `from + count` (excluded).
  public Tensor rows(int from, int count) {
    check("rows", from, count, rows);
    return new Tensor(
        data.asSlice(Math.min((long) from * stride * dtype.bytes(), data.byteSize())),
        dtype,
        count,
        columns,
        stride);
  }

  /// The columns `from` (included) to `from + count` (excluded) of every row.
  public Tensor columns(int from, int count) {
    check("columns", from, count, columns);
    return new Tensor(
        data.asSlice(Math.min((long) from * dtype.bytes(), data.byteSize())),
        dtype,
        rows,
        count,
        stride);
  }

  /// `(rows, columns)`, for messages.
  public String shape() {
    return "(" + rows + ", " + columns + ")";
  }

  private void check(String what, int from, int count, int limit) {
    if (from < 0 || count < 0 || from > limit - count) {
      throw new IndexOutOfBoundsException(
          "tensor " + shape() + ": " + what + " [" + from + ", " + ((long) from + count) + ")");
    }
  }
}
