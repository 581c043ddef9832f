package dev.coffey.kernels.peak;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// How fast one core reads memory in order: sums in eight registers, so that the additions do not
/// wait for each other.
public final class ReadBandwidth {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int SUMS = 8;

  /// Keeps the JIT from dropping the work.
  @SuppressWarnings("UnusedVariable")
  private static volatile float sink;

  private ReadBandwidth() {}

  /// What is read at a time: whole steps of this many bytes.
  public static int stepBytes() {
    return SUMS * SPECIES.vectorByteSize();
  }

  /// Reads the whole steps of `memory`; returns how many bytes that were.
  public static long run(MemorySegment memory) {
    int width = SPECIES.vectorByteSize();
    long end = memory.byteSize() / stepBytes() * stepBytes();
    ByteOrder order = ByteOrder.nativeOrder();
    FloatVector s0 = FloatVector.zero(SPECIES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    for (long at = 0; at < end; at += (long) SUMS * width) {
      s0 = s0.add(FloatVector.fromMemorySegment(SPECIES, memory, at, order));
      s1 = s1.add(FloatVector.fromMemorySegment(SPECIES, memory, at + width, order));
      s2 = s2.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 2L * width, order));
      s3 = s3.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 3L * width, order));
      s4 = s4.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 4L * width, order));
      s5 = s5.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 5L * width, order));
      s6 = s6.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 6L * width, order));
      s7 = s7.add(FloatVector.fromMemorySegment(SPECIES, memory, at + 7L * width, order));
    }
    sink = s0.add(s1).add(s2.add(s3)).add(s4.add(s5)).add(s6.add(s7)).lane(0);
    return end;
  }
}
