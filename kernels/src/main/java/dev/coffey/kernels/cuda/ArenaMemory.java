package dev.coffey.kernels.cuda;

import java.util.List;

/// Where a [CudaArena] takes its memory from.
interface ArenaMemory extends AutoCloseable {
  /// What every piece is aligned to, as the driver's own are; weights need 128.
  long ALIGNMENT = 256;

  /// `bytes` with the padding behind it that the next piece needs.
  static long padded(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  /// Whether there is memory behind the addresses, so that it can be written.
  boolean real();

  /// The address of the next `bytes` bytes, of undefined content.
  long take(long bytes);

  /// The address of the next `bytes` bytes for indices, zeroed.
  long takeIndices(long bytes);

  /// Where indices lie.
  List<IndexBlock> blocks();

  /// What has been taken so far, padding included.
  long bytes();

  /// Gives the memory back, on which nothing may work any more.
  @Override
  void close();
}
