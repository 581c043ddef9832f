package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ServerSideTest {
  private static MetricsReading counters(double scale) {
    return MetricsReading.parse(
        """
        # HELP coffey_queue_seconds x
        coffey_queue_seconds_bucket{model="a",le="0.1"} 3
        coffey_queue_seconds_count{model="a"} %s
        coffey_queue_seconds_sum{model="a"} %s
        coffey_queue_seconds_count{model="b"} %s
        coffey_queue_seconds_sum{model="b"} 0
        coffey_compute_seconds_count{model="a"} %s
        coffey_compute_seconds_sum{model="a"} %s
        coffey_device_seconds_total{model="a"} %s
        coffey_device_expired_seconds_total{model="a"} %s
        """
            .formatted(3 * scale, 0.4 * scale, scale, 2 * scale, scale, scale, 0.1 * scale));
  }

  // Breaks if what was before counts, or if models are not added up.
  @Test
  void between_twoMoments_isWhatHappenedBetween() {
    ServerSide side = ServerSide.between(counters(1), counters(3), 4);
    assertThat(side.queueMillis()).isCloseTo(100, within(1e-9));
    assertThat(side.computeMillis()).isCloseTo(500, within(1e-9));
    assertThat(side.busy()).isCloseTo(0.5, within(1e-9));
    assertThat(side.expired()).isCloseTo(0.1, within(1e-9));
    assertThat(side.tokenizeMillis()).isZero();
  }
}
