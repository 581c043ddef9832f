package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.DeviceMemoryException;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/// A device that was opened: its context, the kernels for one precision, a stream that all work
/// goes through, one for copies beside it, and pinned memory for copies.
///
/// Threads: one at a time, but for those that wait for an event. It may change, as from the one
/// that opens to the one that computes; the context goes along.
final class CudaDevice implements AutoCloseable {
  /// Weights and results go through it piece by piece. Large enough that a copy takes longer (0.1
  /// ms on PCIe 4) than waiting for it.
  private static final long STAGING_BYTES = 4L << 20;

  private final CudaDriver driver;
  private final DeviceProperties properties;
  private final Cleanup cleanup = new Cleanup();
  private final CudaDriver.Context context;
  private final CudaDriver.Stream stream;
  private final CudaDriver.Stream copyStream;
  private final Map<Entry, CudaDriver.Function> functions = new EnumMap<>(Entry.class);
  private final MemorySegment staging;

  /// Opens device `ordinal` with the kernels for `type`. If that fails, all that was taken has been
  /// given back.
  CudaDevice(CudaDriver driver, int ordinal, DType type) {
    this.driver = driver;
    try {
      properties = driver.properties(ordinal);
      context = driver.retain(ordinal);
      cleanup.add(() -> driver.release(context));
      CudaDriver.Module module = KernelImages.load(driver, properties);
      cleanup.add(() -> driver.unload(module));
      for (Entry entry : Entry.values()) {
        CudaDriver.Function function = driver.function(module, entry.name(type));
        if (entry.sharesMemory()) {
          driver.preferSharedMemory(function);
        }
        functions.put(entry, function);
      }
      stream = driver.createStream();
      cleanup.add(() -> driver.destroy(stream));
      copyStream = driver.createStream();
      cleanup.add(() -> driver.destroy(copyStream));
      staging = driver.allocatePinned(STAGING_BYTES);
      cleanup.add(() -> driver.freePinned(staging));
    } catch (Throwable failure) {
      cleanup.closeAfter(failure);
      throw failure;
    }
  }

  DeviceProperties properties() {
    return properties;
  }

  /// The driver, this device's context being made the calling thread's: the thread may have another
  /// device too. That costs some 20 ns.
  CudaDriver driver() {
    driver.makeCurrent(context);
    return driver;
  }

  CudaDriver.Stream stream() {
    return stream;
  }

  /// For copies to the device beside what [#stream] computes.
  CudaDriver.Stream copyStream() {
    return copyStream;
  }

  CudaDriver.Function function(Entry entry) {
    return Objects.requireNonNull(functions.get(entry));
  }

  /// Pinned memory for copies that are waited for at once.
  MemorySegment staging() {
    return staging;
  }

  void synchronize() {
    driver().synchronize(stream);
  }

  /// Device memory, which [#free] gives back.
  ///
  /// @param parts what it is for, if there is more to say of it than its size
  /// @throws DeviceMemoryException if there is too little
  long allocate(long bytes, List<ReckonedMemory.Part> parts) {
    try {
      return driver().allocate(bytes);
    } catch (CudaException e) {
      throw e.code() == CudaException.OUT_OF_MEMORY ? tooLittle(size(bytes) + more(parts), e) : e;
    }
  }

  void free(long address) {
    driver().free(address);
  }

  /// Pinned memory, zeroed, which [#freePinned] gives back.
  ///
  /// @throws DeviceMemoryException if the host has too little
  MemorySegment allocatePinned(long bytes) {
    try {
      return driver().allocatePinned(bytes);
    } catch (CudaException e) {
      throw e.code() == CudaException.OUT_OF_MEMORY
          ? new DeviceMemoryException(
              "the host can't pin %s of its memory for copies to device %d (%s); lower batch.max-tokens, or free memory of the host"
                  .formatted(size(bytes), properties.ordinal(), properties.name()),
              e)
          : e;
    }
  }

  void freePinned(MemorySegment memory) {
    driver().freePinned(memory);
  }

  /// What was recorded in this device's stream, ready to launch.
  ///
  /// @throws DeviceMemoryException if the driver has too little memory for it
  CudaDriver.Graph endCapture() {
    try {
      return driver().endCapture(stream);
    } catch (CudaException e) {
      throw e.code() == CudaException.OUT_OF_MEMORY
          ? tooLittle("the driver needs some for the records of the forward pass", e)
          : e;
    }
  }

  private static String more(List<ReckonedMemory.Part> parts) {
    return parts.isEmpty()
        ? " more were needed"
        : parts.stream()
            .map(part -> part.name() + " " + size(part.bytes()))
            .collect(Collectors.joining(", ", " are needed (", ")"));
  }

  private RuntimeException tooLittle(String need, CudaException cause) {
    CudaDriver.Memory memory = driver.memory();
    return new DeviceMemoryException(
        "device %d (%s) has too little memory: %s, %s of %s are free; lower batch.max-tokens, serve fewer models, store them in 16 bits (--precision), or free the device of other processes"
            .formatted(
                properties.ordinal(),
                properties.name(),
                need,
                size(memory.free()),
                size(memory.total())),
        cause);
  }

  private static String size(long bytes) {
    return bytes < 1L << 30
        ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20))
        : String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
  }

  @Override
  public void close() {
    cleanup.add(() -> driver.makeCurrent(context));
    cleanup.close();
  }
}
