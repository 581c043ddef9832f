package dev.coffey.kernels;

/// A provider's verdict on the machine that it runs on.
public sealed interface Availability {
  /// The backend can be opened. `detail` says on what: "AVX2, 8 lanes".
  record Usable(String detail) implements Availability {}

  /// The backend can't be opened here. `reason` says why, and what would help where something
  /// would.
  record Refused(String reason) implements Availability {}
}
