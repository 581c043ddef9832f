package dev.coffey.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Memory that grows slab by slab: for work whose size nobody reckons before, as in tests and
/// tools.
final class SlabMemory implements ArenaMemory {
  /// Slabs double from the first to the last size, so that little work takes little memory and much
  /// work few slabs.
  private static final long FIRST_SLAB = 1L << 20;

  private static final long LAST_SLAB = 64L << 20;

  /// Room for the indices of a batch of 2000 tokens; larger ones have blocks of their own.
  private static final long INDEX_BLOCK = 64 << 10;

  private final CudaDevice device;
  private final List<IndexBlock> blocks = new ArrayList<>();
  private final Cleanup cleanup = new Cleanup();
  private long slabBytes = FIRST_SLAB;
  private long next;
  private long end;
  private long bytes;

  SlabMemory(CudaDevice device) {
    this.device = device;
  }

  @Override
  public boolean real() {
    return true;
  }

  @Override
  public long take(long size) {
    long padded = ArenaMemory.padded(size);
    if (padded > end - next || next == 0) {
      long slab = Math.max(padded, slabBytes);
      next = device.allocate(slab, List.of());
      long address = next;
      cleanup.add(() -> device.free(address));
      end = next + slab;
      slabBytes = Math.min(2 * slabBytes, LAST_SLAB);
    }
    long address = next;
    next += padded;
    bytes += padded;
    return address;
  }

  @Override
  public long takeIndices(long size) {
    if (blocks.isEmpty() || !blocks.getLast().hasRoom(size)) {
      blocks.add(block(Math.max(size, INDEX_BLOCK)));
    }
    return blocks.getLast().take(size);
  }

  private IndexBlock block(long size) {
    long address = take(size);
    MemorySegment image = device.allocatePinned(size);
    cleanup.add(() -> device.freePinned(image));
    device.driver().fill(address, (byte) 0, size, device.stream());
    // Copies beside the stream must not come before that.
    device.synchronize();
    return new IndexBlock(address, image);
  }

  @Override
  public List<IndexBlock> blocks() {
    return blocks;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
