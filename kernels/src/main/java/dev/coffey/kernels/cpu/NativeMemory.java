package dev.coffey.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/// All native memory as one segment, for the inner loops of a product: their bounds and the life of
/// their memory were checked at the operation's door, see [#addressOf].
///
/// An offset whose type lies within 0 and [#ADDRESS] makes C2 fold the range check away; with a
/// segment of real size it stays in the loop.
final class NativeMemory {
  /// Offsets in it are absolute addresses.
  @SuppressWarnings("restricted") // asks for --enable-native-access, which the launcher gives
  static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  /// A mask that no address of a process exceeds: they have 57 bits at most on x86-64, and 52 on
  /// AArch64, half of them the system's.
  static final long ADDRESS = (1L << 56) - 1;

  static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private NativeMemory() {}

  /// Where `segment` begins, after checking that it is native memory and not yet freed. The caller
  /// keeps it alive while it uses the address.
  static long addressOf(MemorySegment segment) {
    if (!segment.isNative()) {
      throw new IllegalArgumentException("expected memory of a backend's arena, got heap memory");
    }
    if (!segment.scope().isAlive()) {
      throw new IllegalStateException("the memory's arena was closed");
    }
    return segment.address();
  }
}
