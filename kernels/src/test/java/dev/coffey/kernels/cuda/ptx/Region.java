package dev.coffey.kernels.cuda.ptx;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/// Bytes that belong together: an allocation, or a CTA's shared memory. All numbers little-endian.
final class Region {
  private static final VarHandle SHORT = view(short[].class);
  private static final VarHandle INT = view(int[].class);
  private static final VarHandle LONG = view(long[].class);

  final String name;
  final long base;
  final byte[] bytes;
  final Shadow shadow;

  Region(String name, long base, int size, Shadow shadow) {
    this.name = name;
    this.base = base;
    this.bytes = new byte[size];
    this.shadow = shadow;
  }

  private static VarHandle view(Class<?> array) {
    return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.LITTLE_ENDIAN);
  }

  /// The `size` bytes at `offset`, 1, 2, 4 or 8, the others zero.
  long get(int offset, int size) {
    return get(bytes, offset, size);
  }

  void set(int offset, int size, long value) {
    set(bytes, offset, size, value);
  }

  static void set(byte[] bytes, int offset, int size, long value) {
    switch (size) {
      case 1 -> bytes[offset] = (byte) value;
      case 2 -> SHORT.set(bytes, offset, (short) value);
      case 4 -> INT.set(bytes, offset, (int) value);
      default -> LONG.set(bytes, offset, value);
    }
  }

  int word(int offset) {
    return (int) INT.get(bytes, offset);
  }

  void setWord(int offset, int value) {
    INT.set(bytes, offset, value);
  }

  static long get(byte[] bytes, int offset, int size) {
    return switch (size) {
      case 1 -> bytes[offset] & 0xFFL;
      case 2 -> (short) SHORT.get(bytes, offset) & 0xFFFFL;
      case 4 -> (int) INT.get(bytes, offset) & 0xFFFF_FFFFL;
      default -> (long) LONG.get(bytes, offset);
    };
  }
}
