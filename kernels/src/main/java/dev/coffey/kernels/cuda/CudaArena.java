package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// Device memory from which tensors are cut one after the other.
final class CudaArena implements TensorArena {
  /// Rows begin at multiples of this, so that kernels read 16 bytes at a time.
  private static final int ROW_ALIGNMENT = 16;

  private final CudaKernels kernels;
  private final CudaDevice device;
  private final DType type;
  private final ArenaMemory memory;

  CudaArena(CudaKernels kernels, CudaDevice device, DType type, ArenaMemory memory) {
    this.kernels = kernels;
    this.device = device;
    this.type = type;
    this.memory = memory;
  }

  @Override
  public void begin(String part) {
    if (memory instanceof ReckonedMemory reckoned) {
      reckoned.begin(part);
    }
  }

  @Override
  public Tensor tensor(int rows, int columns) {
    if (rows < 0 || columns < 0) {
      throw new IllegalArgumentException("tensor: negative shape (" + rows + ", " + columns + ")");
    }
    Tensor tensor = uninitialized(rows, columns);
    long size = tensor.data().byteSize();
    if (size > 0 && memory.real()) {
      device.driver().fill(tensor.data().address(), (byte) 0, size, device.stream());
    }
    return tensor;
  }

  private Tensor uninitialized(int rows, int columns) {
    int multiple = ROW_ALIGNMENT / type.bytes();
    int stride =
        rows <= 1 ? columns : Math.multiplyExact(Math.ceilDiv(columns, multiple), multiple);
    long size = Math.multiplyExact((long) rows * stride, (long) type.bytes());
    return new Tensor(segment(memory.take(size), size), type, rows, columns, stride);
  }

  @Override
  public Tensor tensor(HostTensor source) {
    Tensor copy = uninitialized(source.rows(), source.columns());
    if (memory.real()) {
      Packing.rows(source, copy.stride(), upload(copy.data().address()));
    }
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
    long address = memory.take(Packing.bytes(outputs, inputs, type));
    if (memory.real()) {
      Packing.panels(parts, type, upload(address));
    }
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
    return new Indices(segment(memory.takeIndices(size), size), length);
  }

  /// Where this arena's indices lie.
  List<IndexBlock> blocks() {
    return memory.blocks();
  }

  static MemorySegment segment(long address, long size) {
    return reinterpreted(MemorySegment.ofAddress(address), size);
  }

  @SuppressWarnings("restricted") // an address on the device, which nothing here reads through
  private static MemorySegment reinterpreted(MemorySegment address, long size) {
    return address.reinterpret(size);
  }

  @Override
  public long bytes() {
    return memory.bytes();
  }

  @Override
  public void close() {
    kernels.forget(this);
    Cleanup cleanup = new Cleanup();
    cleanup.add(memory::close);
    // Nothing may work on the memory any more.
    cleanup.add(device::synchronize);
    cleanup.close();
  }
}
