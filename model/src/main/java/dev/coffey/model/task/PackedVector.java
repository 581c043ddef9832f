package dev.coffey.model.task;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/// A vector in fewer bytes than its floats take.
///
/// @param bytes little-endian; not copied
/// @param dimensions how many numbers they hold
/// @param scale what each number is to be multiplied by; 1 where the encoding has none
@SuppressWarnings("ArrayRecordComponent") // on their way into a message
public record PackedVector(byte[] bytes, int dimensions, float scale) {
  private static final float MAX_FP16 = 65504;

  /// IEEE binary16, rounded to nearest even.
  ///
  /// @throws IllegalArgumentException if a number is beyond ±65504, which binary16 can't hold
  public static PackedVector fp16(float[] vector) {
    ByteBuffer packed = ByteBuffer.allocate(2 * vector.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < vector.length; i++) {
      short half = Float.floatToFloat16(vector[i]);
      if (Float.isInfinite(Float.float16ToFloat(half)) && Float.isFinite(vector[i])) {
        throw new IllegalArgumentException(
            "number %d of the vector is %s; FP16 holds up to ±%s: ask for FP32, or for normalization"
                .formatted(i, vector[i], MAX_FP16));
      }
      packed.putShort(half);
    }
    return new PackedVector(packed.array(), vector.length, 1);
  }

  /// One signed byte a number, -127 to 127, where the largest number of the vector is ±127: off by
  /// half of `scale` at most. A vector of zeros has scale 0.
  public static PackedVector int8(float[] vector) {
    float largest = 0;
    for (float value : vector) {
      largest = Math.max(largest, Math.abs(value));
    }
    byte[] bytes = new byte[vector.length];
    for (int i = 0; i < vector.length; i++) {
      // In double: largest / 127 is 0 for a subnormal largest.
      bytes[i] = largest == 0 ? 0 : (byte) Math.rint(vector[i] * 127.0 / largest);
    }
    return new PackedVector(bytes, vector.length, largest / 127);
  }

  /// One bit a number, set where it is positive, the first number in the highest bit of the first
  /// byte, as numpy's `packbits`. The last byte is filled up with zeros.
  public static PackedVector binary(float[] vector) {
    byte[] bytes = new byte[(vector.length + 7) / 8];
    for (int i = 0; i < vector.length; i++) {
      if (vector[i] > 0) {
        bytes[i / 8] |= (byte) (0x80 >>> (i % 8));
      }
    }
    return new PackedVector(bytes, vector.length, 1);
  }
}
