package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Device memory in slabs, from which tensors are cut one after the other.
final class CudaArena implements TensorArena {
  /// What the driver aligns slabs to; weights need 128.
  private static final long ALIGNMENT = 256;

  /// Rows begin at multiples of this, so that kernels read 16 bytes at a time.
  private static final int ROW_ALIGNMENT = 16;

  /// Slabs double from the first to the last size, so that a small model takes little and a large
  /// one few.
  private static final long FIRST_SLAB = 1L << 20;

  private static final long LAST_SLAB = 64L << 20;

  /// Room for the indices of a batch of 2000 tokens; larger ones have blocks of their own.
  private static final long INDEX_BLOCK = 64 << 10;

  private final CudaKernels kernels;
  private final CudaDevice device;
  private final DType type;
  private final List<IndexBlock> blocks = new ArrayList<>();
  private final Cleanup cleanup = new Cleanup();
  private long slabBytes = FIRST_SLAB;
  private long next;
  private long end;
  private long bytes;

  CudaArena(CudaKernels kernels, CudaDevice device, DType type) {
    this.kernels = kernels;
    this.device = device;
    this.type = type;
  }

  @Override
  public Tensor tensor(int rows, int columns) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("tensor: negative shape (" + rows + ", " + columns + ")");
    }
    Tensor tensor = uninitialized(rows, columns);
    long size = tensor.data().byteSize();
    if (size > 0) {
      device.driver().fill(tensor.data().address(), (byte) 0, size, device.stream());
    }
    return tensor;
  }

  private Tensor uninitialized(int rows, int columns) {
    int multiple = ROW_ALIGNMENT / type.bytes();
    int stride =
        rows <= 1 ? columns : Math.multiplyExact(Math.ceilDiv(columns, multiple), multiple);
    long size = Math.multiplyExact((long) rows * stride, (long) type.bytes());
    return new Tensor(segment(allocate(size), size), type, rows, columns, stride);
  }

  @Override
  public Tensor tensor(HostTensor source) {
    Tensor copy = uninitialized(source.rows(), source.columns());
    Packing.rows(source, copy.stride(), upload(copy.data().address()));
    return copy;
  }

  @Override
  public PackedWeights pack(HostTensor... parts) {
    if (parts.length == 0) {
      throw new IllegalArgumentException("pack: expected at least one part, got none");
    }
    int inputs = parts[0].columns();
    int[] ends = new int[parts.length];
    int outputs = 0;
    for (int part = 0; part < parts.length; part++) {
      if (parts[part].columns() != inputs || inputs == 0) {
        throw new IllegalArgumentException(
            "pack: expected parts of %d inputs as the first has, at least 1, got (%d, %d)"
                .formatted(inputs, parts[part].rows(), parts[part].columns()));
      }
      outputs = Math.addExact(outputs, parts[part].rows());
      ends[part] = outputs;
    }
    long address = allocate(Packing.bytes(outputs, inputs, type));
    Packing.panels(parts, type, upload(address));
    return new CudaWeights(address, Packing.packedOutputs(outputs), inputs, 0, ends);
  }

  /// Sends pieces to the device, one behind the other from `address` on.
  private Packing.Sink upload(long address) {
    MemorySegment staging = device.staging();
    return new Packing.Sink(staging, type) {
      private long target = address;

      @Override
      void send(long size) {
        device.driver().copyToDevice(staging.asSlice(0, size), target, device.stream());
        // The staging memory is filled again at once.
        device.synchronize();
        target += size;
      }
    };
  }

  @Override
  public Indices indices(int length) {
    if (length < 0) {
      throw new IllegalArgumentException("indices: negative length " + length);
    }
    long size = (long) length * Integer.BYTES;
    long address = indexMemory(size);
    return new Indices(segment(address, size), length);
  }

  private long indexMemory(long size) {
    if (blocks.isEmpty() || !blocks.getLast().hasRoom(size)) {
      blocks.add(indexBlock(Math.max(size, INDEX_BLOCK)));
    }
    return blocks.getLast().take(size);
  }

  private IndexBlock indexBlock(long size) {
    long address = allocate(size);
    CudaDriver driver = device.driver();
    MemorySegment image = driver.allocatePinned(size);
    cleanup.add(() -> device.driver().freePinned(image));
    driver.fill(address, (byte) 0, size, device.stream());
    return new IndexBlock(address, image);
  }

  /// Where this arena's indices lie.
  List<IndexBlock> blocks() {
    return blocks;
  }

  static MemorySegment segment(long address, long size) {
    return reinterpreted(MemorySegment.ofAddress(address), size);
  }

  @SuppressWarnings("restricted") // an address on the device, which nothing here reads through
  private static MemorySegment reinterpreted(MemorySegment address, long size) {
    return address.reinterpret(size);
  }

  private long allocate(long size) {
    long rounded = Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
    if (rounded > end - next || next == 0) {
      long slab = Math.max(rounded, slabBytes);
      next = device.allocate(slab);
      long address = next;
      cleanup.add(() -> device.free(address));
      end = next + slab;
      bytes += slab;
      slabBytes = Math.min(2 * slabBytes, LAST_SLAB);
    }
    long address = next;
    next += rounded;
    return address;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    kernels.forget(this);
    // Nothing may work on the memory any more.
    cleanup.add(device::synchronize);
    cleanup.close();
  }
}
