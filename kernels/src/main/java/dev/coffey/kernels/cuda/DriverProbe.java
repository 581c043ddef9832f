package dev.coffey.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Looks for a CUDA driver and its devices without touching JCuda, which can't be undone: where the
/// driver is missing JCuda's class stays broken, and where the driver lacks a function that JCuda
/// calls, the process dies.
final class DriverProbe {
  static final String LIBRARY = "libcuda.so.1";

  /// The first CUDA version whose driver has all that we call: graphs are instantiated with flags.
  static final int OLDEST_VERSION = 11040;

  private static final int CAPABILITY_MAJOR = 75;
  private static final int CAPABILITY_MINOR = 76;
  private static final int NAME_BYTES = 256;

  /// What [JCudaBinding] calls, by the names that JCuda's library imports.
  static final List<String> SYMBOLS =
      List.of(
          "cuCtxSetCurrent",
          "cuDeviceGet",
          "cuDeviceGetAttribute",
          "cuDeviceGetCount",
          "cuDeviceGetName",
          "cuDevicePrimaryCtxRelease_v2",
          "cuDevicePrimaryCtxRetain",
          "cuDevicePrimaryCtxSetFlags_v2",
          "cuDeviceTotalMem_v2",
          "cuDriverGetVersion",
          "cuEventCreate",
          "cuEventDestroy_v2",
          "cuEventElapsedTime",
          "cuEventRecord",
          "cuEventSynchronize",
          "cuFuncSetAttribute",
          "cuGetErrorName",
          "cuGetErrorString",
          "cuGraphDestroy",
          "cuGraphExecDestroy",
          "cuGraphInstantiateWithFlags",
          "cuGraphLaunch",
          "cuGraphUpload",
          "cuInit",
          "cuLaunchKernel",
          "cuMemAlloc_v2",
          "cuMemFreeHost",
          "cuMemFree_v2",
          "cuMemGetInfo_v2",
          "cuMemHostAlloc",
          "cuMemcpyDtoDAsync_v2",
          "cuMemcpyDtoHAsync_v2",
          "cuMemcpyHtoDAsync_v2",
          "cuMemsetD8Async",
          "cuModuleGetFunction",
          "cuModuleLoadData",
          "cuModuleUnload",
          "cuStreamBeginCapture_v2",
          "cuStreamCreate",
          "cuStreamDestroy_v2",
          "cuStreamEndCapture",
          "cuStreamSynchronize",
          "cuStreamWaitEvent");

  /// What was found.
  sealed interface Outcome {}

  /// A driver and its devices, which may be too old.
  record Found(int version, List<Device> devices) implements Outcome {}

  /// No driver that can be used.
  record Missing(String reason) implements Outcome {}

  /// @param name as the driver gives it
  /// @param capability 75 for compute capability 7.5
  record Device(int ordinal, String name, int capability) {}

  private DriverProbe() {}

  /// Looks; once for the process, since that is how long a driver stays initialized.
  static Outcome outcome() {
    return Once.OUTCOME;
  }

  private static final class Once {
    static final Outcome OUTCOME =
        probe(System.getProperty("os.name", ""), System.getProperty("os.arch", ""), LIBRARY);
  }

  /// Looks for `library` on a machine of the given system and architecture.
  @SuppressWarnings("restricted") // asks for --enable-native-access, which the launcher gives
  static Outcome probe(String system, String architecture, String library) {
    if (!system.equals("Linux") || !architecture.equals("amd64")) {
      return new Missing(
          "it runs on Linux on x86-64, and this is %s on %s".formatted(system, architecture));
    }
    SymbolLookup symbols;
    try {
      symbols = SymbolLookup.libraryLookup(library, Arena.global());
    } catch (IllegalArgumentException _) {
      return new Missing(
          "no NVIDIA driver: "
              + library
              + " can't be opened; install the driver, or give the container its GPUs");
    } catch (IllegalCallerException _) {
      return new Missing("this JVM denies native access; add '--enable-native-access=ALL-UNNAMED'");
    }
    try {
      return ask(symbols);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException("a downcall threw", e);
    }
  }

  private static Outcome ask(SymbolLookup symbols) throws Throwable {
    for (String symbol : SYMBOLS) {
      if (symbols.find(symbol).isEmpty()) {
        return new Missing(
            "the NVIDIA driver has no function %s: it is older than CUDA %s, or newer than what JCuda 12.6.0 knows"
                .formatted(symbol, version(OLDEST_VERSION)));
      }
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
      int code = (int) call(symbols, "cuInit", ValueLayout.JAVA_INT).invokeExact(0);
      if (code != 0) {
        return new Missing(initFailure(code));
      }
      MethodHandle driverVersion = call(symbols, "cuDriverGetVersion", ValueLayout.ADDRESS);
      MethodHandle deviceCount = call(symbols, "cuDeviceGetCount", ValueLayout.ADDRESS);
      code = (int) driverVersion.invokeExact(number);
      int version = number.get(ValueLayout.JAVA_INT, 0);
      if (code == 0 && version < OLDEST_VERSION) {
        return new Missing(
            "the NVIDIA driver is too old: it knows CUDA %s, and %s is the least; update the driver"
                .formatted(version(version), version(OLDEST_VERSION)));
      }
      code = code == 0 ? (int) deviceCount.invokeExact(number) : code;
      if (code != 0) {
        return new Missing(initFailure(code));
      }
      int count = number.get(ValueLayout.JAVA_INT, 0);
      List<Device> devices = new ArrayList<>();
      for (int ordinal = 0; ordinal < count; ordinal++) {
        devices.add(device(symbols, arena, ordinal));
      }
      return devices.isEmpty() ? new Missing(initFailure(100)) : new Found(version, devices);
    }
  }

  private static Device device(SymbolLookup symbols, Arena arena, int ordinal) throws Throwable {
    MethodHandle attribute =
        call(
            symbols,
            "cuDeviceGetAttribute",
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT);
    MethodHandle deviceName =
        call(
            symbols,
            "cuDeviceGetName",
            ValueLayout.ADDRESS,
            ValueLayout.JAVA_INT,
            ValueLayout.JAVA_INT);
    MemorySegment major = arena.allocate(ValueLayout.JAVA_INT);
    MemorySegment minor = arena.allocate(ValueLayout.JAVA_INT);
    MemorySegment name = arena.allocate(NAME_BYTES);
    // Before any context exists a device's handle is its number.
    int code = (int) attribute.invokeExact(major, CAPABILITY_MAJOR, ordinal);
    code |= (int) attribute.invokeExact(minor, CAPABILITY_MINOR, ordinal);
    code |= (int) deviceName.invokeExact(name, NAME_BYTES - 1, ordinal);
    return code == 0
        ? new Device(
            ordinal,
            name.getString(0),
            10 * major.get(ValueLayout.JAVA_INT, 0) + minor.get(ValueLayout.JAVA_INT, 0))
        : new Device(ordinal, "a device that does not answer", 0);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle call(SymbolLookup symbols, String name, MemoryLayout... arguments) {
    return Linker.nativeLinker()
        .downcallHandle(
            symbols.find(name).orElseThrow(),
            FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
  }

  private static String initFailure(int code) {
    return switch (code) {
      case CudaException.NO_DEVICE ->
          "the NVIDIA driver sees no device (error 100); is CUDA_VISIBLE_DEVICES empty, or the container without a GPU?";
      case 802 -> "the NVIDIA driver is not ready yet (error 802): does the fabric manager run?";
      case 803 ->
          "libcuda and the kernel's NVIDIA driver are of different versions (error 803): after an update, restart";
      case 804 ->
          "this card does not take a driver newer than the kernel's (error 804): remove the compatibility package";
      default -> "the NVIDIA driver does not start: error " + code;
    };
  }

  /// `11.4` for 11040.
  static String version(int number) {
    return String.format(Locale.ROOT, "%d.%d", number / 1000, number % 1000 / 10);
  }
}
