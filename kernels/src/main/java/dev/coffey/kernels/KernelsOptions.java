package dev.coffey.kernels;

/// What a user may ask of a backend.
///
/// @param threads how many threads compute, at least 1; a device that is no CPU has its own
/// @param precision how tensors and weights are stored; sums are fp32 whatever it is
/// @param device which of several devices of a kind, counted from 0
public record KernelsOptions(int threads, DType precision, int device) {
  public KernelsOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
    }
    if (device < 0) {
      throw new IllegalArgumentException("device must be 0 or more, got " + device);
    }
  }

  /// fp32 on the first device.
  public KernelsOptions(int threads) {
    this(threads, DType.F32, 0);
  }

  /// The same on another device.
  public KernelsOptions on(int other) {
    return new KernelsOptions(threads, precision, other);
  }
}
