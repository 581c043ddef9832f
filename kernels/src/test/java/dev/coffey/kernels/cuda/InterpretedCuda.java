package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/// The CUDA backend on a device that interprets its kernels: host code and PTX as they are shipped.
/// Closing a backend fails if it leaves anything behind.
public final class InterpretedCuda {
  /// What was done by target, for all backends that were closed: `sm_80`.
  private static final Map<String, Work> DONE = new TreeMap<>();

  private static final class Work {
    private final Set<String> kernels = new TreeSet<>();
    private long instructions;
  }

  /// As many as an H100 has.
  private static final int MULTIPROCESSORS = 132;

  private InterpretedCuda() {}

  /// Opens a device.
  ///
  /// @param capability 75 or 80
  /// @param multiprocessors the fewer, the larger the tiles that are chosen
  public static Kernels open(int capability, DType precision, int multiprocessors) {
    return open(capability, precision, multiprocessors, UnaryOperator.identity());
  }

  /// Opens a device whose kernels were changed.
  ///
  /// @param edit changes the PTX, to plant a fault
  public static Kernels open(
      int capability, DType precision, int multiprocessors, UnaryOperator<String> edit) {
    return open(
        new InterpretedDriver(capability, multiprocessors, edit, false, InterpretedCuda::close),
        precision);
  }

  /// Opens a device that copies as early as a card may, and computes as late.
  public static Kernels openLate(int capability, DType precision) {
    return open(
        new InterpretedDriver(
            capability, MULTIPROCESSORS, UnaryOperator.identity(), true, InterpretedCuda::close),
        precision);
  }

  private static Kernels open(InterpretedDriver driver, DType precision) {
    return new CudaKernels(new CudaDevice(driver, 0, precision), precision);
  }

  /// The backend as a user gets it, on such a device.
  public static KernelsProvider provider(int capability) {
    return new KernelsProvider() {
      @Override
      public String name() {
        return InterpretedCuda.name(capability);
      }

      @Override
      public int rank() {
        return 0;
      }

      @Override
      public Availability probe() {
        return new Availability.Usable(name());
      }

      @Override
      public Kernels open(KernelsOptions options) {
        return InterpretedCuda.open(capability, options.precision(), MULTIPROCESSORS);
      }
    };
  }

  /// What reports call it.
  public static String name(int capability) {
    return "cuda (interpreted, sm_" + capability + ")";
  }

  private static void close(InterpretedDriver driver) {
    count(driver);
    driver.close();
  }

  private static synchronized void count(InterpretedDriver driver) {
    Work work = DONE.computeIfAbsent("sm_" + driver.properties(0).capability(), _ -> new Work());
    work.kernels.addAll(driver.kernels());
    work.instructions += driver.instructions();
  }

  /// `12 kernels, 3456 thread instructions` of all backends for that capability that were closed.
  public static synchronized String done(int capability) {
    Work work = DONE.getOrDefault("sm_" + capability, new Work());
    return "%d kernels, %d million thread instructions"
        .formatted(work.kernels.size(), work.instructions / 1_000_000);
  }

  /// The kernels that ran on devices of that capability.
  public static synchronized Set<String> kernels(int capability) {
    return Set.copyOf(DONE.getOrDefault("sm_" + capability, new Work()).kernels);
  }
}
