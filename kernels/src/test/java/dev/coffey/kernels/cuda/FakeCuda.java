package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import java.util.List;
import java.util.Set;

/// The CUDA backend on a device that computes nothing, for tests of what the host does.
public final class FakeCuda {
  private static final Set<String> WORK =
      Set.of("copyToDevice", "launch", "launchGraph", "copyToHost", "synchronize");

  private final FakeDriver driver = new FakeDriver(1);
  private int work;

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

  /// Forgets the work that was given to the device.
  public void forgetWork() {
    work = driver.calls.size();
  }

  /// The calls since then that give work to the device or wait for it, in order: `launchGraph`.
  public List<String> work() {
    return driver.calls.subList(work, driver.calls.size()).stream().filter(WORK::contains).toList();
  }

  /// Whether all that was taken has been given back.
  public boolean clean() {
    return driver.clean();
  }
}
