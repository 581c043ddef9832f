package dev.coffey.kernels;

/// Memory of a device, freed as a whole: one for a model's weights, one for its workspace. Used by
/// the device's owner thread only.
public interface TensorArena extends AutoCloseable {
  /// Says what all that is taken from here on is for, for messages: `weights`.
  default void begin(String part) {}

  /// A (rows, columns) tensor of zeros, aligned to 64 bytes; dense on the CPU.
  Tensor tensor(int rows, int columns);

  /// A copy of `source` in the backend's precision.
  ///
  /// @throws IllegalArgumentException if that can't hold one of the numbers
  Tensor tensor(HostTensor source);

  /// A vector of `length` zeros.
  Indices indices(int length);

  /// Packs (out, in) matrices of equal width, as PyTorch stores them, into one set of weights;
  /// `parts` lie below each other by output rows.
  PackedWeights pack(HostTensor... parts);

  /// The bytes taken so far.
  long bytes();

  /// Frees everything that came from this arena.
  @Override
  void close();
}
