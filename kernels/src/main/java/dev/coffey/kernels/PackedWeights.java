package dev.coffey.kernels;

/// The weights of a [Kernels#linear] in the layout that their backend reads. Made once, at load,
/// from one or more (out, in) matrices stacked by output rows ("parts": query, key and value of an
/// attention, for example). Lives as long as its arena.
public interface PackedWeights {
  /// O: output rows of all parts together.
  int outputs();

  /// I: the width of the input.
  int inputs();

  /// How many matrices were stacked.
  int parts();

  /// The parts `from` (included) to `to` (excluded), sharing memory with this: K and V without Q,
  /// for example. A slice gives the same bits as the whole does in those columns.
  PackedWeights parts(int from, int to);
}
