package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowTilingTest {
  // Breaks if a row is in no tile or two, a tile is too tall, or packed tiles overlap.
  @ParameterizedTest
  @ValueSource(ints = {6, 8})
  void tiles_anyRows_coverEachRowOnceAndLieApart(int tallest) {
    for (int rows = 1; rows <= 300; rows++) {
      RowTiling tiling = new RowTiling(rows, tallest);
      int next = 0;
      int floats = 0;
      for (int tile = 0; tile < tiling.tiles(); tile++) {
        assertThat(tiling.first(tile)).isEqualTo(next);
        assertThat(tiling.floatsBefore(tile)).isEqualTo(floats);
        int height = RowTiling.height(tiling.count(tile));
        assertThat(height).isBetween(tiling.count(tile), Math.max(4, tallest));
        assertThat(RowTiling.groupFloats(height)).isGreaterThanOrEqualTo(height);
        next += tiling.count(tile);
        floats += RowTiling.groupFloats(height);
      }
      assertThat(next).as("rows of %s", tiling).isEqualTo(rows);
      assertThat(tiling.floatsBefore(tiling.tiles())).isEqualTo(floats);
    }
  }
}
