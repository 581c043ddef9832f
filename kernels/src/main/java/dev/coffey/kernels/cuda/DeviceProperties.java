package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.Kernels;
import java.util.Optional;

/// What a device is.
///
/// @param ordinal its number, as `--device` counts
/// @param name as the driver gives it
/// @param major of its compute capability
/// @param minor of its compute capability
/// @param multiprocessors how many
/// @param memoryBytes all of its memory
/// @param sharedBytesPerBlock the most that one block may have, opted in
/// @param clockKiloHertz of its multiprocessors, at most; 0 if unknown
/// @param memoryClockKiloHertz at most; 0 if unknown
/// @param memoryBusBits width of its memory's bus; 0 if unknown
record DeviceProperties(
    int ordinal,
    String name,
    int major,
    int minor,
    int multiprocessors,
    long memoryBytes,
    int sharedBytesPerBlock,
    int clockKiloHertz,
    int memoryClockKiloHertz,
    int memoryBusBits) {
  /// 75 for compute capability 7.5.
  int capability() {
    return 10 * major + minor;
  }

  /// The most that the device can do with tensors of that type, at its highest clocks; empty for a
  /// card whose figures are not known.
  Optional<Kernels.Peak> peak(DType type) {
    int perClock = operationsPerClock(type);
    if (perClock == 0 || clockKiloHertz == 0) {
      return Optional.empty();
    }
    double clock = clockKiloHertz * 1e3;
    // Two transfers a clock.
    double bytes = 2.0 * memoryClockKiloHertz * 1e3 * memoryBusBits / Byte.SIZE;
    return Optional.of(new Kernels.Peak(multiprocessors * clock * perClock, bytes));
  }

  /// Additions and multiplications of one multiprocessor in one clock, dense and with fp32 sums:
  /// the matrix units for 16 bits, the ordinary ones for fp32. From NVIDIA's architecture papers;
  /// GeForce cards of the same capability have half of it with fp32 sums.
  private int operationsPerClock(DType type) {
    boolean matrix = type != DType.F32;
    return switch (capability()) {
      case 75 -> matrix ? 1024 : 128;
      case 80 -> matrix ? 2048 : 128;
      case 86, 87, 89 -> matrix ? 1024 : 256;
      case 90 -> matrix ? 4096 : 256;
      case 100, 103 -> matrix ? 8192 : 256;
      case 120, 121 -> matrix ? 1024 : 256;
      default -> 0;
    };
  }
}
