package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import java.io.UncheckedIOException;
import java.util.function.Supplier;

/// Opens [CudaKernels] on an NVIDIA card.
///
/// JCuda is touched only after [DriverProbe] has found a driver and a card that can be used.
public final class CudaProvider implements KernelsProvider {
  /// Turing: the first with the matrix instructions that the kernels use.
  private static final int LEAST_CAPABILITY = 75;

  /// Ampere: the first with bf16.
  private static final int BF16_CAPABILITY = 80;

  private final Supplier<DriverProbe.Outcome> probe;
  private final Supplier<CudaDriver> driver;

  /// For the machine as it is.
  public CudaProvider() {
    this(CudaProvider::found, () -> new JCudaBinding(Runtime.getRuntime().availableProcessors()));
  }

  /// For a driver that stands in for the machine's.
  CudaProvider(Supplier<DriverProbe.Outcome> probe, Supplier<CudaDriver> driver) {
    this.probe = probe;
    this.driver = driver;
  }

  @Override
  public String name() {
    return CudaKernels.NAME;
  }

  @Override
  public int rank() {
    return 200;
  }

  @Override
  public int devices() {
    return probe.get() instanceof DriverProbe.Found found ? Math.max(1, found.devices().size()) : 1;
  }

  @Override
  public Availability probe() {
    return probe(new KernelsOptions(1));
  }

  @Override
  public Availability probe(KernelsOptions options) {
    return switch (probe.get()) {
      case DriverProbe.Missing(String reason) -> new Availability.Refused(reason);
      case DriverProbe.Found found -> judge(found, options);
    };
  }

  private static Availability judge(DriverProbe.Found found, KernelsOptions options) {
    int count = found.devices().size();
    if (options.device() >= count) {
      return new Availability.Refused(
          "there is no device %d; the driver sees %d, counted from 0"
              .formatted(options.device(), count));
    }
    DriverProbe.Device device = found.devices().get(options.device());
    String name =
        "device %d, %s, has compute capability %s"
            .formatted(device.ordinal(), device.name(), device.capability() / 10.0);
    if (device.capability() < LEAST_CAPABILITY) {
      return new Availability.Refused(name + "; 7.5 is the least");
    }
    if (options.precision() == DType.BF16 && device.capability() < BF16_CAPABILITY) {
      return new Availability.Refused(name + ", and bf16 needs 8.0; use --precision fp16 or fp32");
    }
    if (!KernelImages.present()) {
      return new Availability.Refused("this build lacks the compiled kernels");
    }
    return new Availability.Usable(
        name + ", driver for CUDA " + DriverProbe.version(found.version()));
  }

  @Override
  public Kernels open(KernelsOptions options) {
    DType type = options.precision();
    return new CudaKernels(new CudaDevice(driver.get(), options.device(), type), type);
  }

  /// The driver of this machine, if JCuda can be brought to it.
  private static DriverProbe.Outcome found() {
    return DriverProbe.outcome() instanceof DriverProbe.Missing missing ? missing : Bound.OUTCOME;
  }

  private static final class Bound {
    static final DriverProbe.Outcome OUTCOME = bind();

    private static DriverProbe.Outcome bind() {
      try {
        JCudaLibrary.load();
        return DriverProbe.outcome();
      } catch (LinkageError | UncheckedIOException e) {
        return new DriverProbe.Missing(
            "JCuda's native library can't be loaded (is libstdc++.so.6 installed?): "
                + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
      }
    }
  }
}
