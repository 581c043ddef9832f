package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// The CUDA backend on a device that computes nothing, for tests of what the host does.
public final class FakeCuda {
  private static final Set<String> WORK =
      Set.of(
          "copyToDevice", "launch", "launchGraph", "copyToHost", "synchronize", "synchronizeEvent");

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

  /// Cards that compute nothing and may be lost, as a backend of a server.
  public static final class Cards implements KernelsProvider {
    private final List<FakeDriver> drivers = new ArrayList<>();

    /// So many cards.
    public Cards(int count) {
      for (int card = 0; card < count; card++) {
        drivers.add(new FakeDriver(count));
      }
    }

    /// Leaves so many bytes of the card's memory free.
    public void leave(int card, long bytes) {
      drivers.get(card).freeBytes = bytes;
    }

    /// Every call to the card fails from now on, as after a kernel's fault.
    public void lose(int card) {
      drivers.get(card).lose(CudaException.ILLEGAL_ADDRESS);
    }

    /// The next call to the card fails, and no other.
    public void failOnce(int card) {
      drivers.get(card).fail(0, CudaException.INVALID_VALUE);
    }

    /// Whether all that was taken from a card has been given back.
    public boolean clean(int card) {
      return drivers.get(card).clean();
    }

    @Override
    public String name() {
      return CudaKernels.NAME;
    }

    @Override
    public int rank() {
      return 0;
    }

    @Override
    public Availability probe() {
      return new Availability.Usable("cards that compute nothing");
    }

    @Override
    public Availability probe(KernelsOptions options) {
      return options.device() < drivers.size()
          ? probe()
          : new Availability.Refused("there is no card " + options.device());
    }

    @Override
    public int devices() {
      return drivers.size();
    }

    @Override
    public Kernels open(KernelsOptions options) {
      FakeDriver driver = drivers.get(options.device());
      DType type = options.precision();
      return new CudaKernels(new CudaDevice(driver, options.device(), type), type);
    }
  }
}
