package dev.coffey.kernels.bench;

/// The peak that `coffey bench` measures too, for the measurements of this package.
final class FmaPeak {
  private FmaPeak() {}

  /// Computes for about 0.1 ms; returns how many floating-point operations it did.
  static long run() {
    return dev.coffey.kernels.peak.FmaPeak.run();
  }
}
