package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NoiseTest {
  // user, nice, system, idle, iowait, irq, softirq, steal: 400 ticks, 200 of them busy.
  @Test
  void noise_ownTimeAndSteal_areNotOthers() {
    long[] before = {10, 0, 10, 100, 0, 0, 0, 5};
    long[] after = {160, 0, 60, 270, 10, 0, 0, 25};
    Noise noise = Noise.noise(before, after, 1.2);
    assertThat(noise.others()).isCloseTo(80 / 400.0, within(1e-9));
    assertThat(noise.stolen()).isCloseTo(20 / 400.0, within(1e-9));
  }

  @Test
  void stop_noProc_isUnknown(@TempDir Path root) {
    assertThat(Noise.start(root).stop()).isEmpty();
  }

  @Test
  void stop_proc_isRead(@TempDir Path root) throws IOException {
    Files.createDirectories(root.resolve("proc"));
    Path stat = root.resolve("proc/stat");
    Files.writeString(stat, "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n");
    Noise.Meter meter = Noise.start(root);
    Files.writeString(stat, "cpu  0 0 0 60 0 0 0 40 0 0\n");
    Optional<Noise> noise = meter.stop();
    assertThat(noise).hasValueSatisfying(n -> assertThat(n.stolen()).isEqualTo(0.4));
  }
}
