package dev.coffey.kernels.cpu;

/// How a block of `rows` rows, at least one, is cut into tiles of at most `tallest` rows, and how
/// the tiles lie packed: one after the other, each with a group of numbers for each step of the
/// depth, the rows of the tile side by side.
///
/// The tiles share the rows out evenly: 16 rows are 6 + 5 + 5, not 6 + 6 + 4, since 4 rows take as
/// long as 5 (four cycles of FMA latency a step, and the broadcasts and loads besides).
record RowTiling(int rows, int tallest) {
  int tiles() {
    return (rows + tallest - 1) / tallest;
  }

  /// The first row of tile `tile`; for `tile == tiles()` the end.
  int first(int tile) {
    return tile * (rows / tiles()) + Math.min(tile, rows % tiles());
  }

  int count(int tile) {
    return first(tile + 1) - first(tile);
  }

  /// The floats of one step before tile `tile`; for `tile == tiles()` of all tiles.
  int floatsBefore(int tile) {
    int tall = rows % tiles();
    int common = rows / tiles();
    int before = Math.min(tile, tall);
    return before * groupFloats(height(common + 1)) + (tile - before) * groupFloats(height(common));
  }

  /// The bytes that the packed block takes for `depth` steps.
  long packedBytes(int depth) {
    return (long) floatsBefore(tiles()) * depth * Float.BYTES;
  }

  /// The height of the [ProductTile] that computes `rows` rows: 4, 5, 6 or 8. Fewer than 4 rows
  /// take as long as 4: they wait for the FMAs' latency or for memory.
  static int height(int rows) {
    if (rows <= 4) {
      return 4;
    }
    return rows <= 6 ? rows : 8;
  }

  /// Floats of one step of a tile: a power of two, so that their address is a shift of the panel's.
  /// A stride of 6 floats (a multiplication and two more additions) made 6 rows 0.85 of peak, not
  /// 0.99.
  static int groupFloats(int height) {
    return height <= 4 ? 4 : 8;
  }
}
