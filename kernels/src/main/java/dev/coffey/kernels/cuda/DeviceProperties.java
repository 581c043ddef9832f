package dev.coffey.kernels.cuda;

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
}
