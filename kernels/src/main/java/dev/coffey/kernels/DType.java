package dev.coffey.kernels;

/// How one number of a tensor is stored.
public enum DType {
  /// IEEE 754 binary32.
  F32(4),
  /// IEEE 754 binary16.
  F16(2),
  /// The upper half of a binary32 ("brain float").
  BF16(2);

  private final int bytes;

  DType(int bytes) {
    this.bytes = bytes;
  }

  /// The size of one number in bytes.
  public int bytes() {
    return bytes;
  }
}
