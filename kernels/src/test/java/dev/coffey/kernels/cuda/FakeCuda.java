package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;

/// The CUDA backend on a device that computes nothing, for tests of what the host does.
public final class FakeCuda {
  private final FakeDriver driver = new FakeDriver(1);

  /// A device with so much free memory.
  public FakeCuda(long freeBytes) {
    driver.freeBytes = freeBytes;
  }

  /// Opens the device.
  public Kernels open(DType precision) {
    return new CudaKernels(new CudaDevice(driver, 0, precision), precision);
  }

  /// Calls so far that make the driver take memory of the device or the host.
  public long allocations() {
    return driver.calls.stream()
        .filter(call ->
            call.equals("allocate") || call.equals("allocatePinned") || call.equals("endCapture"))
        .count();
  }

  /// Bytes that the device has free.
  public long freeBytes() {
    return driver.freeBytes;
  }

  /// Kernels and graphs launched so far.
  public long launches() {
    return driver.calls.stream()
        .filter(call -> call.equals("launch") || call.equals("launchGraph"))
        .count();
  }

  /// Whether all that was taken has been given back.
  public boolean clean() {
    return driver.clean();
  }
}
