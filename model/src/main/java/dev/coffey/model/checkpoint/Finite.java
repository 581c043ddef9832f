package dev.coffey.model.checkpoint;

import dev.coffey.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/// Looks for NaN and infinities in stored numbers, at memory speed: a weight that is one of them
/// makes every text's result NaN, and only when it is used.
///
/// Several numbers at a time in one long: with the sign masked off, the bits of a finite number are
/// below those of infinity, so that adding "sign bit − infinity" to each lane sets its sign bit
/// just for NaN and infinity; no lane carries into the next.
final class Finite {
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /// Small enough that finding the first bad number in a block costs nothing, large enough for the
  /// loop to be one.
  private static final long BLOCK_BYTES = 1 << 16;

  private Finite() {}

  /// The index of the first number in `data` that is NaN or infinite, or -1.
  static long firstNotFinite(MemorySegment data, DType type) {
    long size = data.byteSize();
    long block = 0;
    for (; size - block >= BLOCK_BYTES; block += BLOCK_BYTES) {
      if (!blockFinite(data, block, type)) {
        break;
      }
    }
    for (long i = block / type.bytes(); i < size / type.bytes(); i++) {
      if (!Float.isFinite(Stored.at(data, i, type))) {
        return i;
      }
    }
    return -1;
  }

  private static boolean blockFinite(MemorySegment data, long start, DType type) {
    long magnitude =
        switch (type) {
          case F32 -> 0x7FFFFFFF_7FFFFFFFL;
          case F16, BF16 -> 0x7FFF7FFF_7FFF7FFFL;
        };
    long step =
        switch (type) {
          case F32 -> 0x00800000_00800000L;
          case F16 -> 0x04000400_04000400L;
          case BF16 -> 0x00800080_00800080L;
        };
    long seen = 0;
    for (int i = 0; i < BLOCK_BYTES; i += Long.BYTES) {
      seen |= (data.get(LONG, start + i) & magnitude) + step;
    }
    return (seen & ~magnitude) == 0;
  }
}
