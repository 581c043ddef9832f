package dev.coffey.kernels.cuda;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/// Device memory for indices with its image in pinned memory. What is written goes into the image,
/// and from there with the next launch in few copies: a batch's numbers lie close together.
final class IndexBlock {
  /// Copying what lies between two pieces costs less than a second copy as long as it is short: a
  /// copy takes about 2 us, in which PCIe 4 moves about this.
  private static final long GAP = 48 << 10;

  /// Indices begin on a line of the caches.
  private static final long ALIGNMENT = 64;

  private record Piece(long from, long to) {}

  private final long address;
  private final MemorySegment image;
  private final List<Piece> pieces = new ArrayList<>();
  private long used;

  IndexBlock(long address, MemorySegment image) {
    this.address = address;
    this.image = image;
  }

  /// `bytes` with the padding behind it that the next indices need.
  static long padded(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
  }

  /// The bytes that are left.
  long room() {
    return Math.max(0, image.byteSize() - used);
  }

  boolean hasRoom(long bytes) {
    return bytes <= room();
  }

  /// The address of the next `bytes` bytes.
  long take(long bytes) {
    long taken = address + used;
    used += padded(bytes);
    return taken;
  }

  boolean holds(long place) {
    return place >= address && place < address + image.byteSize();
  }

  /// Writes the first `count` numbers of `source` to the device address `target`.
  void write(int[] source, int count, long target) {
    long from = target - address;
    MemorySegment.copy(source, 0, image, ValueLayout.JAVA_INT, from, count);
    if (count == 0) {
      return;
    }
    long to = from + (long) count * Integer.BYTES;
    if (!pieces.isEmpty()) {
      Piece last = pieces.getLast();
      if (from >= last.from() && from - last.to() <= GAP) {
        pieces.set(pieces.size() - 1, new Piece(last.from(), Math.max(last.to(), to)));
        return;
      }
    }
    pieces.add(new Piece(from, to));
  }

  /// Whether anything was written since the last [#flush].
  boolean written() {
    return !pieces.isEmpty();
  }

  /// Brings what was written since the last time onto the device.
  void flush(CudaDriver driver, CudaDriver.Stream stream) {
    for (Piece piece : pieces) {
      driver.copyToDevice(
          image.asSlice(piece.from(), piece.to() - piece.from()), address + piece.from(), stream);
    }
    pieces.clear();
  }
}
