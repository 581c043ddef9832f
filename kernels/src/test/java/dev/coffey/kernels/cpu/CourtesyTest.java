package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CourtesyTest {
  private static final long MICRO = 1000;

  private long now = Long.MAX_VALUE - 700 * MICRO;
  private long yieldTakes;
  private int yields;

  private final Courtesy courtesy =
      new Courtesy(
          () -> now,
          () -> {
            yields++;
            now += yieldTakes;
          });

  private int yieldsIn(long nanos, long chunkNanos) {
    int before = yields;
    for (long end = now + nanos; end - now > 0; now += chunkNanos) {
      courtesy.afterChunk();
    }
    return yields - before;
  }

  // Breaks if it yields at each chunk, never, or compares times that overflow.
  @Test
  void afterChunk_nobodyWaits_yieldsEveryHalfMillisecond() {
    assertThat(yieldsIn(10_000 * MICRO, 20 * MICRO)).isEqualTo(20);
  }

  @Test
  void afterChunk_longChunks_yieldsAfterEach() {
    assertThat(yieldsIn(10_000 * MICRO, 1000 * MICRO)).isEqualTo(10);
  }

  // Breaks if a process that computes can take half the core, 4 ms at each yield.
  @Test
  void afterChunk_anotherComputes_givesAwayASixteenthAtMost() {
    yieldTakes = 4000 * MICRO;
    int given = yieldsIn(1_000_000 * MICRO, 20 * MICRO);
    assertThat(given * yieldTakes).isBetween(50_000 * MICRO, 62_500 * MICRO);
  }
}
