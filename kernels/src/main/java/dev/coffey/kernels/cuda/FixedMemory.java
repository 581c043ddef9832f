package dev.coffey.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.util.List;

/// Memory in one piece that was taken as a whole: indices first, then all else.
final class FixedMemory implements ArenaMemory {
  private final List<IndexBlock> blocks;
  private final Cleanup cleanup = new Cleanup();
  private final long start;
  private final long end;
  private long next;
  private long indexBytes;

  /// Takes what was reckoned. If that fails, nothing is kept.
  ///
  /// @throws dev.coffey.kernels.DeviceMemoryException if there is too little, naming each part
  FixedMemory(CudaDevice device, ReckonedMemory reckoned) {
    // A device gives no piece of no bytes.
    long images = Math.max(IndexBlock.padded(1), reckoned.indexBytes());
    long data = ArenaMemory.padded(images);
    long address = device.allocate(data + reckoned.dataBytes(), reckoned.parts());
    cleanup.add(() -> device.free(address));
    try {
      MemorySegment image = device.allocatePinned(images);
      cleanup.add(() -> device.freePinned(image));
      device.driver().fill(address, (byte) 0, images, device.stream());
      // Copies beside the stream must not come before that.
      device.synchronize();
      blocks = List.of(new IndexBlock(address, image));
    } catch (Throwable failure) {
      cleanup.closeAfter(failure);
      throw failure;
    }
    start = address + data;
    next = start;
    end = start + reckoned.dataBytes();
  }

  @Override
  public boolean real() {
    return true;
  }

  @Override
  public long take(long size) {
    long padded = ArenaMemory.padded(size);
    if (padded > end - next) {
      throw exhausted(size, end - next);
    }
    long address = next;
    next += padded;
    return address;
  }

  @Override
  public long takeIndices(long size) {
    IndexBlock block = blocks.getFirst();
    if (!block.hasRoom(size)) {
      throw exhausted(size, block.room());
    }
    indexBytes += IndexBlock.padded(size);
    return block.take(size);
  }

  private static IllegalStateException exhausted(long size, long left) {
    return new IllegalStateException(
        "an arena for what was reckoned has %d bytes left, and %d more are taken: what took them differs from what was reckoned"
            .formatted(left, size));
  }

  @Override
  public List<IndexBlock> blocks() {
    return blocks;
  }

  @Override
  public long bytes() {
    return next - start + indexBytes;
  }

  @Override
  public void close() {
    cleanup.close();
  }
}
