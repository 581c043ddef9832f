package dev.coffey.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/// Working memory of one thread, reused from call to call. It grows to the largest need seen, so
/// that calls on known shapes allocate nothing; it is freed with its owner, by the garbage
/// collector.
final class Scratch {
  /// Where a product stores what it saw of what it read ahead, see [ProductTile].
  int seen;

  /// Space for the lanes of one vector, for sums over lanes in a written order.
  final float[] lanes = new float[16];

  /// One number for each row of a block of attention's queries.
  final float[] rowSums = new float[Attention.QUERIES];

  private MemorySegment memory = MemorySegment.NULL;

  /// At least `size` bytes, aligned to 64. What an earlier call returned must no longer be in use.
  MemorySegment reserve(long size) {
    if (memory.byteSize() < size) {
      // Growing by half at least keeps a slowly rising need from reallocating each time.
      long grown = Math.max(size, memory.byteSize() * 3 / 2);
      memory = Arena.ofAuto().allocate(grown, CpuArena.ALIGNMENT);
    }
    return memory;
  }
}
