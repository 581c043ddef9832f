package dev.coffey.kernels.cuda;

import dev.coffey.kernels.BackendRefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/// The compiled kernels that lie beside this class: machine code for several cards in one fat
/// binary, and PTX, which a driver compiles that can't read the machine code.
final class KernelImages {
  private static final String MACHINE_CODE = "coffey.fatbin";
  private static final String PTX_80 = "coffey-sm80.ptx";
  private static final String PTX_75 = "coffey-sm75.ptx";

  /// From here on there is bf16.
  private static final int AMPERE = 80;

  private KernelImages() {}

  /// Loads what the device and its driver can run.
  ///
  /// @throws BackendRefusedException if there is nothing
  static CudaDriver.Module load(CudaDriver driver, DeviceProperties device) {
    List<String> images = List.of(MACHINE_CODE, device.capability() >= AMPERE ? PTX_80 : PTX_75);
    List<CudaException> failures = new ArrayList<>();
    for (String image : images) {
      byte[] content = read(image);
      if (content == null) {
        throw new IllegalStateException("this build of Coffey lacks its CUDA kernels: " + image);
      }
      try (Arena arena = Arena.ofConfined()) {
        // PTX ends with a zero byte; machine code does not mind one.
        MemorySegment copy = arena.allocate(content.length + 1L);
        MemorySegment.copy(content, 0, copy, ValueLayout.JAVA_BYTE, 0, content.length);
        return driver.load(copy);
      } catch (CudaException e) {
        if (!unsuitable(e.code())) {
          throw e;
        }
        failures.add(e);
      }
    }
    BackendRefusedException refusal =
        new BackendRefusedException(
            "neither machine code nor PTX of the kernels loads on %s (compute capability %d.%d) with a driver for CUDA %s; update the driver (last error: %s)"
                .formatted(
                    device.name(),
                    device.major(),
                    device.minor(),
                    DriverProbe.version(driver.version()),
                    failures.getLast().getMessage()));
    failures.forEach(refusal::addSuppressed);
    throw refusal;
  }

  private static boolean unsuitable(int code) {
    return switch (code) {
      case CudaException.INVALID_IMAGE,
          CudaException.NO_BINARY_FOR_GPU,
          CudaException.INVALID_PTX,
          CudaException.UNSUPPORTED_PTX_VERSION ->
          true;
      default -> false;
    };
  }

  /// Whether the build holds compiled kernels.
  static boolean present() {
    return KernelImages.class.getResource(MACHINE_CODE + ".gz") != null;
  }

  private static byte @Nullable [] read(String name) {
    try (InputStream compressed = KernelImages.class.getResourceAsStream(name + ".gz")) {
      if (compressed == null) {
        return null;
      }
      try (InputStream content = new GZIPInputStream(compressed)) {
        return content.readAllBytes();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("can't read the kernels in " + name, e);
    }
  }
}
