package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// How one number of a tensor is stored.
public enum DType {
  /// IEEE 754 binary32.
  F32(4, "fp32"),
  /// IEEE 754 binary16.
  F16(2, "fp16"),
  /// The upper half of a binary32 ("brain float").
  BF16(2, "bf16");

  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final int bytes;
  private final String word;

  DType(int bytes, String word) {
    this.bytes = bytes;
    this.word = word;
  }

  /// What a user calls it: `fp32`, `fp16`, `bf16`.
  public String word() {
    return word;
  }

  /// The size of one number in bytes.
  public int bytes() {
    return bytes;
  }

  /// Number `index` of `data`, little-endian and perhaps unaligned, as fp32.
  public float get(MemorySegment data, long index) {
    return switch (this) {
      case F32 -> data.get(FLOAT, index * Float.BYTES);
      case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << 16);
    };
  }

  /// Writes number `index` of `data`, little-endian and perhaps unaligned, rounded to the nearest,
  /// ties to even.
  public void set(MemorySegment data, long index, float value) {
    switch (this) {
      case F32 -> data.set(FLOAT, index * Float.BYTES, value);
      case F16 -> data.set(SHORT, index * Short.BYTES, Float.floatToFloat16(value));
      case BF16 -> data.set(SHORT, index * Short.BYTES, upperHalf(value));
    }
  }

  /// `value` as it is when it was stored so and read back.
  public float rounded(float value) {
    return switch (this) {
      case F32 -> value;
      case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
      case BF16 -> Float.intBitsToFloat(upperHalf(value) << 16);
    };
  }

  /// The distance from 1 to the next larger number.
  public float epsilon() {
    return switch (this) {
      case F32 -> 0x1p-23f;
      case F16 -> 0x1p-10f;
      case BF16 -> 0x1p-7f;
    };
  }

  private static short upperHalf(float value) {
    int bits = Float.floatToIntBits(value);
    // Adding could turn a NaN into an infinity; the one that Java gives is the upper half alone.
    boolean nan = Float.isNaN(value);
    return (short) ((nan ? bits : bits + 0x7fff + (bits >>> 16 & 1)) >>> 16);
  }
}
