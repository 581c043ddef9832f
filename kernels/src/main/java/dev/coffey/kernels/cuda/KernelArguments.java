package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// The arguments of a kernel in the order of its parameters, laid out as its `.param` space is:
/// each at the next multiple of its size. Filled anew for every launch; the driver copies what it
/// is handed.
final class KernelArguments {
  /// No kernel of ours has more.
  private static final int CAPACITY = 32;

  private final MemorySegment bytes = Arena.ofAuto().allocate(CAPACITY * Long.BYTES, Long.BYTES);
  private final int[] offsets = new int[CAPACITY];
  private int count;
  private int size;

  /// Forgets all arguments.
  KernelArguments clear() {
    count = 0;
    size = 0;
    return this;
  }

  /// Appends a pointer into device memory; 0 for none.
  KernelArguments address(long value) {
    bytes.set(ValueLayout.JAVA_LONG, place(Long.BYTES), value);
    return this;
  }

  /// Appends an `int`.
  KernelArguments number(int value) {
    bytes.set(ValueLayout.JAVA_INT, place(Integer.BYTES), value);
    return this;
  }

  /// Appends a `float`.
  KernelArguments number(float value) {
    bytes.set(ValueLayout.JAVA_FLOAT, place(Float.BYTES), value);
    return this;
  }

  /// Appends where a tensor begins; 0 for none.
  KernelArguments address(@Nullable Tensor tensor) {
    return address(tensor == null ? 0 : tensor.data().address());
  }

  /// Appends where indices begin; 0 for none.
  KernelArguments address(@Nullable Indices indices) {
    return address(indices == null ? 0 : indices.data().address());
  }

  /// Appends where a tensor begins and the distance of its rows; zeros for none.
  KernelArguments matrix(@Nullable Tensor tensor) {
    return address(tensor).number(tensor == null ? 0 : tensor.stride());
  }

  private int place(int bytes) {
    int offset = (size + bytes - 1) / bytes * bytes;
    offsets[count++] = offset;
    size = offset + bytes;
    return offset;
  }

  /// How many there are.
  int count() {
    return count;
  }

  /// Where argument `index` begins in [#bytes].
  int offset(int index) {
    return offsets[index];
  }

  /// All arguments, native memory, little-endian. Valid until the next change.
  MemorySegment bytes() {
    return bytes.asSlice(0, size);
  }
}
