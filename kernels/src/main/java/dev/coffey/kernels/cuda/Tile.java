package dev.coffey.kernels.cuda;

/// The square of rows and outputs that one block of a matrix product computes. All give the same
/// bits; they differ in how well a card is filled.
record Tile(Entry entry, int side) {
  private static final Tile LARGE = new Tile(Entry.LINEAR_128, 128);
  private static final Tile MIDDLE = new Tile(Entry.LINEAR_64, 64);
  private static final Tile SMALL = new Tile(Entry.LINEAR_32, 32);

  /// The largest that still gives every multiprocessor a block: a larger one reads each input fewer
  /// times.
  static Tile of(int rows, int outputs, int multiprocessors) {
    if (LARGE.blocks(rows, outputs) >= multiprocessors) {
      return LARGE;
    }
    return MIDDLE.blocks(rows, outputs) >= multiprocessors ? MIDDLE : SMALL;
  }

  private long blocks(int rows, int outputs) {
    return (long) Math.ceilDiv(rows, side) * Math.ceilDiv(outputs, side);
  }
}
