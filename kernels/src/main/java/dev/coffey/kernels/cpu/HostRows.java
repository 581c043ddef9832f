package dev.coffey.kernels.cpu;

import dev.coffey.kernels.HostTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Reads rows of a checkpoint's matrix as fp32, whatever it is stored as. Widening is exact for
/// every stored value.
final class HostRows {
  private static final ValueLayout.OfFloat FLOATS =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORTS =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private HostRows() {}

  /// Row `row` of `source` into `target[0 .. columns)`.
  static void read(HostTensor source, int row, float[] target) {
    int columns = source.columns();
    long start = (long) row * columns * source.dtype().bytes();
    switch (source.dtype()) {
      case F32 -> MemorySegment.copy(source.data(), FLOATS, start, target, 0, columns);
      case F16 -> {
        short[] bits = halves(source, start, columns);
        for (int i = 0; i < columns; i++) {
          target[i] = Float.float16ToFloat(bits[i]);
        }
      }
      case BF16 -> {
        short[] bits = halves(source, start, columns);
        for (int i = 0; i < columns; i++) {
          target[i] = Float.intBitsToFloat(bits[i] << 16);
        }
      }
    }
  }

  private static short[] halves(HostTensor source, long start, int count) {
    short[] bits = new short[count];
    MemorySegment.copy(source.data(), SHORTS, start, bits, 0, count);
    return bits;
  }
}
