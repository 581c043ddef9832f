package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PanelMultiplicationTest {
  private static final PanelMultiplication MULTIPLICATION =
      new PanelMultiplication(VectorShape.ofLanes(8).orElseThrow());

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
        for (int step = 0; step < depth; step += PanelMultiplication.CHAIN) {
          int steps = Math.min(PanelMultiplication.CHAIN, depth - step);
          long b = start + MULTIPLICATION.panelBytes(step);
          long ahead = MULTIPLICATION.ahead(b, depth - step, next);
          assertThat(ahead).isGreaterThanOrEqualTo(b);
          assertThat(ahead + MULTIPLICATION.panelBytes(steps))
              .as("depth %d, panel %d, step %d", depth, panel, step)
              .isLessThanOrEqualTo(end);
        }
      }
    }
  }

  // Breaks if nothing is read ahead where a base-size model could: its depths are whole chains.
  @Test
  void ahead_wholeChains_isTheNextChain() {
    long chain = MULTIPLICATION.panelBytes(PanelMultiplication.CHAIN);

    assertThat(MULTIPLICATION.ahead(64, 768, 0)).isEqualTo(64 + chain);
    assertThat(MULTIPLICATION.ahead(64, 512, 0)).isEqualTo(64 + chain);
    assertThat(MULTIPLICATION.ahead(64, 256, 99)).isEqualTo(99);
    assertThat(MULTIPLICATION.ahead(64, 256, 0)).isEqualTo(64);
  }
}
