package dev.coffey.kernels.cpu;

import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/// Off-heap memory of the CPU backends, aligned to a cache line of 64 bytes. All worker threads may
/// read and write it, so the arena underneath is a shared one; use after [#close()] is an
/// exception, not a crash.
final class CpuArena implements TensorArena {
  /// One cache line, and one AVX-512 vector.
  static final long ALIGNMENT = 64;

  /// What is smaller comes from the C library's heap: it would not fill a huge page.
  private static final long LARGE = HugePages.SIZE / 4;

  /// What is mapped at a time for large tensors. Pages that nothing was put in take no memory.
  private static final long SLAB = 64L << 20;

  /// How a backend lays out weights.
  @FunctionalInterface
  interface Packing {
    PackedWeights pack(HostTensor[] parts, CpuArena arena);
  }

  private final Arena arena = Arena.ofShared();
  private final Packing packing;
  private long bytes;

  /// What is left of the last slab.
  private MemorySegment slab = MemorySegment.NULL;

  CpuArena(Packing packing) {
    this.packing = packing;
  }

  @Override
  public Tensor tensor(int rows, int columns) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("tensor: negative shape (" + rows + ", " + columns + ")");
    }
    return new Tensor(
        allocate(Math.multiplyExact((long) rows * columns, (long) Float.BYTES)),
        rows,
        columns,
        columns);
  }

  @Override
  public Tensor tensor(HostTensor source) {
    Tensor copy = tensor(source.rows(), source.columns());
    float[] row = new float[source.columns()];
    for (int n = 0; n < source.rows(); n++) {
      HostRows.read(source, n, row);
      MemorySegment.copy(
          row,
          0,
          copy.data(),
          ValueLayout.JAVA_FLOAT,
          (long) n * source.columns() * Float.BYTES,
          source.columns());
    }
    return copy;
  }

  @Override
  public Indices indices(int length) {
    if (length < 0) {
      throw new IllegalArgumentException("indices: negative length " + length);
    }
    return new Indices(allocate((long) length * Integer.BYTES), length);
  }

  @Override
  public PackedWeights pack(HostTensor... parts) {
    if (parts.length == 0) {
      throw new IllegalArgumentException("pack: expected at least one part, got none");
    }
    for (HostTensor part : parts) {
      if (part.columns() == 0) {
        throw new IllegalArgumentException(
            "pack: expected matrices of at least one input, got (%d, 0)".formatted(part.rows()));
      }
      if (part.columns() != parts[0].columns()) {
        throw new IllegalArgumentException(
            "pack: expected parts of %d inputs as the first has, got (%d, %d)"
                .formatted(parts[0].columns(), part.rows(), part.columns()));
      }
    }
    return packing.pack(parts, this);
  }

  /// `size` zero bytes.
  MemorySegment allocate(long size) {
    MemorySegment segment = size < LARGE ? arena.allocate(size, ALIGNMENT) : large(size);
    bytes += size;
    return segment;
  }

  private MemorySegment large(long size) {
    if (slab.byteSize() < size) {
      Optional<MemorySegment> mapped = HugePages.allocate(Math.max(size, SLAB), arena);
      if (mapped.isEmpty()) {
        return arena.allocate(size, ALIGNMENT);
      }
      slab = mapped.get();
    }
    MemorySegment segment = slab.asSlice(0, size);
    slab = slab.asSlice(Math.min(Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT, slab.byteSize()));
    return segment;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    arena.close();
  }
}
