package dev.coffey.kernels;

/// What a user may ask of a backend.
///
/// @param threads how many threads compute, at least 1; a device that is no CPU has its own
/// @param precision how tensors and weights are stored; sums are fp32 whatever it is
/// @param device which of several devices of a kind, counted from 0
/// @param quickStart whether it shall compute from the first call on, slower, until
///   [Kernels#warmUp] has been called: for a server that starts. Without it a backend whose fast
///   code is compiled as it runs takes seconds for the first calls
public record KernelsOptions(int threads, DType precision, int device, boolean quickStart) {
  public KernelsOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
    }
    if (device < 0) {
      throw new IllegalArgumentException("device must be 0 or more, got " + device);
    }
  }

  /// No quick start.
  public KernelsOptions(int threads, DType precision, int device) {
    this(threads, precision, device, false);
  }

  /// fp32 on the first device, no quick start.
  public KernelsOptions(int threads) {
    this(threads, DType.F32, 0);
  }

  /// The same for a quick start, or not.
  public KernelsOptions quickStart(boolean quick) {
    return new KernelsOptions(threads, precision, device, quick);
  }

  /// The same on another device.
  public KernelsOptions on(int other) {
    return new KernelsOptions(threads, precision, other, quickStart);
  }
}
