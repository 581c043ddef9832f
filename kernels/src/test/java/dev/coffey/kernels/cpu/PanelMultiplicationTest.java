package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PanelMultiplicationTest {
  private static final PanelMultiplication MULTIPLICATION =
      new PanelMultiplication(VectorShape.ofLanes(8).orElseThrow());

  private static final int CHAIN = PanelMultiplication.CHAIN;
  private static final int LINE = 64;
  private static final int PAGE = 4096;

  // Breaks if a chain reads beyond the matrix: behind its last number there may be no memory.
  @Test
  void ahead_anyDepthAndPanel_staysInTheMatrix() {
    int panels = 3;
    for (int depth = 1; depth <= 1100; depth++) {
      long panelBytes = MULTIPLICATION.panelBytes(depth);
      long matrix = 64;
      long end = matrix + panels * panelBytes;
      for (int panel = 0; panel < panels; panel++) {
        long start = matrix + panel * panelBytes;
        long next = panel + 1 < panels ? start + panelBytes : 0;
        for (int step = 0; step < depth; step += CHAIN) {
          long b = start + MULTIPLICATION.panelBytes(step);
          long ahead = MULTIPLICATION.ahead(b, depth - step, next);
          if (ahead != b) {
            assertThat(ahead).isGreaterThan(b);
            assertThat(ahead + MULTIPLICATION.panelBytes(CHAIN))
                .as("depth %d, panel %d, step %d", depth, panel, step)
                .isLessThanOrEqualTo(end);
          }
        }
      }
    }
  }

  // Breaks if nothing is read ahead where a base-size model could: its depths are whole chains.
  @Test
  void ahead_wholeChains_isTheNextChain() {
    long chain = MULTIPLICATION.panelBytes(CHAIN);

    assertThat(MULTIPLICATION.ahead(64, 3 * CHAIN, 0)).isEqualTo(64 + chain);
    assertThat(MULTIPLICATION.ahead(64, 2 * CHAIN, 0)).isEqualTo(64 + chain);
    assertThat(MULTIPLICATION.ahead(64, CHAIN, 99)).isEqualTo(99);
    assertThat(MULTIPLICATION.ahead(64, CHAIN, 0)).isEqualTo(64);
  }

  // Breaks if tiles read beyond the chain, or leave more than a line of a page for later. One tile
  // has fewer steps than there are lines: every other is left to the hardware.
  @ParameterizedTest
  @ValueSource(ints = {4, 8, 16})
  void aheadStride_anyTiles_readsTheWholeChainAndNothingElse(int lanes) {
    int chain = CHAIN * 2 * lanes * Float.BYTES;
    for (int tiles = 1; tiles <= 32; tiles++) {
      BitSet lines = new BitSet();
      for (int tile = 0; tile < tiles; tile++) {
        long spot = 0;
        for (int step = 0; step < CHAIN; step++) {
          long at = tile * PanelMultiplication.aheadApart(tiles) + spot;
          assertThat(at).isBetween(0L, (long) chain - Integer.BYTES);
          lines.set((int) at / LINE);
          spot = (spot + PanelMultiplication.aheadStride(tiles)) & (chain - 1);
        }
      }
      int wanted = Math.min(chain / LINE, CHAIN * tiles) - chain / PAGE;
      assertThat(lines.cardinality()).as("%d tiles", tiles).isGreaterThanOrEqualTo(wanted);
    }
  }
}
