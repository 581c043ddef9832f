package dev.coffey.server.registry;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.server.registry.WarmUpRun.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Warm-up against a device of which the cost is known, in a time of its own.
final class WarmUpRunTest {
  private static final long MICROS = 1_000;

  /// A device that compiles: batches cost `slow` times as much until `compiledAt`, then `fixed` and
  /// `perToken`.
  private static final class Device {
    final List<Integer> sizes = new ArrayList<>();
    long now;
    long fixed = 2_000 * MICROS;
    long perToken = 50 * MICROS;
    long compiledAt;
    long slow = 100;

    long run(int texts, int length) {
      int tokens = texts * length;
      sizes.add(tokens);
      long nanos = (fixed + tokens * perToken) * (now < compiledAt ? slow : 1);
      now += nanos;
      return nanos;
    }

    Outcome warmUp(Duration limit, int budget) {
      return WarmUpRun.run(this::run, () -> now, 512, limit, budget);
    }
  }

  private static Duration seconds(int seconds) {
    return Duration.ofSeconds(seconds);
  }

  /// 2 ms a batch and 50 µs a token: 256 tokens run at 86 % of the peak, 1024 at 96 %. Red if the
  /// search stopped at the first size or went on for ever.
  @Test
  void run_fixedCostPerBatch_picksASizeNearThePeak() {
    Device device = new Device();
    Outcome outcome = device.warmUp(seconds(10), 0);
    assertThat(outcome.settled()).isTrue();
    assertThat(outcome.warmUp().maxTokens()).isBetween(256, 2048);
    assertThat(outcome.warmUp().cost().nanosPerToken()).isBetween(45e3, 55e3);
    assertThat(outcome.nanos()).isLessThan(seconds(2).toNanos());
  }

  /// Red if warm-up ended while the device was still slow: the compiled speed must be what is
  /// measured.
  @Test
  void run_compilerComesLate_measuresTheCompiledSpeed() {
    Device device = new Device();
    device.compiledAt = seconds(3).toNanos();
    Outcome outcome = device.warmUp(seconds(10), 0);
    assertThat(outcome.settled()).isTrue();
    assertThat(outcome.warmUp().cost().batchNanos(1000)).isLessThan(60_000 * MICROS);
  }

  /// A limit that comes first: no size is fixed by numbers that will not last.
  @Test
  void run_limitBeforeTheCompiler_isUnsettledAndGuesses() {
    Device device = new Device();
    device.compiledAt = Long.MAX_VALUE;
    device.slow = 3000;
    Outcome outcome = device.warmUp(seconds(5), 0);
    assertThat(outcome.settled()).isFalse();
    assertThat(outcome.warmUp().maxTokens()).isEqualTo(512);
    assertThat(outcome.warmUp().cost().nanosPerToken()).isEqualTo(100_000);
  }

  /// Red if one size that something else disturbed ended the search: seen as batches of 32 tokens
  /// on a busy machine.
  @Test
  void run_oneSizeIsDisturbed_isPassedOver() {
    Device device = new Device();
    Outcome outcome =
        WarmUpRun.run(
            (texts, length) -> device.run(texts, length) * (texts * length == 64 ? 3 : 1),
            () -> device.now,
            512,
            seconds(10),
            0);
    assertThat(outcome.warmUp().maxTokens()).isGreaterThanOrEqualTo(256);
  }

  /// A neighbour halves the speed for 150 ms of every 300. Red if each size were measured in one
  /// stretch: the budget then depended on which stretch was the neighbour's.
  @Test
  void run_neighbourComesAndGoes_picksNearlyAsIfAlone() {
    int alone = new Device().warmUp(seconds(10), 0).warmUp().maxTokens();
    for (int phase = 0; phase < 300; phase += 10) {
      Device device = new Device();
      long shift = phase * 1000L * MICROS;
      Outcome outcome =
          WarmUpRun.run(
              (texts, length) ->
                  device.run(texts, length) * ((device.now + shift) / (150_000 * MICROS) % 2 + 1),
              () -> device.now,
              512,
              seconds(10),
              0);
      assertThat(outcome.warmUp().maxTokens()).as("phase %d ms", phase).isBetween(alone / 2, alone);
    }
  }

  @Test
  void run_userSetTheBudget_noBatchIsLarger() {
    Device device = new Device();
    Outcome outcome = device.warmUp(seconds(10), 64);
    assertThat(outcome.warmUp().maxTokens()).isLessThanOrEqualTo(64);
    assertThat(device.sizes).allSatisfy(size -> assertThat(size).isLessThanOrEqualTo(64));
  }

  /// 5 ms a token, as a large model on a small CPU: the search ends at batches of 160 ms, although
  /// larger ones gain.
  @Test
  void run_slowDevice_staysWithShortBatches() {
    Device device = new Device();
    device.fixed = 200_000 * MICROS;
    device.perToken = 5_000 * MICROS;
    Outcome outcome = device.warmUp(seconds(60), 0);
    assertThat(outcome.warmUp().maxTokens()).isEqualTo(32);
  }
}
