package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;

/// A vector of int32 in the memory of the backend whose [TensorArena] made it: token ids, row
/// numbers, positions, or offsets. Offsets of B texts are B+1 numbers: text t owns rows
/// `offsets[t]` (included) to `offsets[t+1]` (excluded).
public record Indices(MemorySegment data, int length) {
  public Indices {
    if (length < 0 || data.byteSize() < (long) length * Integer.BYTES) {
      throw new IllegalArgumentException(
          "indices: length " + length + " in " + data.byteSize() + " bytes");
    }
  }

  /// The first `count` numbers.
  public Indices first(int count) {
    if (count < 0 || count > length) {
      throw new IndexOutOfBoundsException("indices of length " + length + ": first " + count);
    }
    return new Indices(data, count);
  }
}
