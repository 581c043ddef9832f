package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.server.batch.WarmUp.Sample;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/// [BatchCost], [CostMeter] and [WarmUp]: what a batch is thought to cost.
final class CostTest {
  private static final BatchCost REAL = new BatchCost(2_000_000, 50_000);

  private static void measure(CostMeter meter, BatchCost real, int batches, int least, int most) {
    Random random = new Random(5);
    for (int i = 0; i < batches; i++) {
      int tokens = least + random.nextInt(most - least + 1);
      meter.measured(tokens, (long) (real.batchNanos(tokens) * (0.95 + 0.1 * random.nextDouble())));
    }
  }

  private static double error(CostMeter meter, int tokens) {
    return meter.cost().batchNanos(tokens) / (double) REAL.batchNanos(tokens) - 1;
  }

  @Test
  void batchCost_nanosAndTokensWithin_areInverse() {
    assertThat(REAL.tokensWithin(REAL.batchNanos(300))).isEqualTo(300);
    assertThat(REAL.tokensWithin(1_000_000)).isZero();
    assertThat(REAL.nanos(300, 100)).isEqualTo(3 * REAL.batchNanos(100));
    assertThat(REAL.nanos(0, 100)).isZero();
  }

  @Test
  void batchCost_negativeNaNOrNothing_refused() {
    assertThatThrownBy(() -> new BatchCost(-1, 2)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new BatchCost(Double.NaN, 2))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new BatchCost(0, 0)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void meter_wrongPrior_learnsLineFromMixedBatches() {
    for (double factor : new double[] {0.1, 10}) {
      CostMeter meter =
          new CostMeter(new BatchCost(REAL.fixedNanos() * factor, REAL.nanosPerToken() * factor));
      measure(meter, REAL, 100, 10, 500);
      assertThat(error(meter, 20)).isCloseTo(0, within(0.15));
      assertThat(error(meter, 500)).isCloseTo(0, within(0.1));
    }
  }

  /// Breaks with plain least squares: batches of one size give any slope.
  @Test
  void meter_onlyFullBatches_keepsShapeAndFollowsLevel() {
    CostMeter meter = new CostMeter(new BatchCost(REAL.fixedNanos() * 3, REAL.nanosPerToken() * 3));
    measure(meter, REAL, 200, 490, 512);
    assertThat(error(meter, 512)).isCloseTo(0, within(0.05));
    assertThat(error(meter, 64)).isCloseTo(0, within(0.2));
  }

  /// Breaks without the clip: one pause of a second would price a batch at several times its cost.
  @Test
  void meter_oneLongPause_movesEstimateLittle() {
    CostMeter meter = new CostMeter(REAL);
    measure(meter, REAL, 50, 10, 500);
    meter.measured(500, 1_000_000_000L);
    assertThat(error(meter, 500)).isBetween(0.0, 0.25);
  }

  @Test
  void meter_deviceTenTimesSlower_followsWithin40Batches() {
    CostMeter meter = new CostMeter(REAL);
    measure(meter, REAL, 50, 10, 500);
    BatchCost slow = new BatchCost(20_000_000, 500_000);
    measure(meter, slow, 40, 10, 500);
    assertThat(meter.cost().batchNanos(500) / (double) slow.batchNanos(500)).isBetween(0.75, 1.1);
  }

  @Test
  void warmUp_samples_smallestWithinFivePercentOfBest() {
    WarmUp warmUp =
        WarmUp.of(
            List.of(
                new Sample(64, 7_000_000),
                new Sample(128, 11_000_000),
                new Sample(256, 20_500_000),
                new Sample(512, 40_000_000),
                new Sample(1024, 82_000_000)));
    assertThat(warmUp.maxTokens()).isEqualTo(256);
    assertThat(warmUp.cost().batchNanos(64)).isCloseTo(7_000_000, within(1L));
    assertThat(warmUp.cost().batchNanos(256)).isCloseTo(20_500_000, within(1L));
  }

  /// Red if a small size that merely looked good were taken where larger ones are quick anyway.
  @Test
  void warmUp_largerBatchesAreShort_takesTheLargestOfThem() {
    WarmUp warmUp =
        WarmUp.of(
            List.of(
                new Sample(64, 2_000_000),
                new Sample(256, 9_000_000),
                new Sample(512, 18_000_000),
                new Sample(1024, 36_000_000)));
    assertThat(warmUp.maxTokens()).isEqualTo(512);
  }

  @Test
  void warmUp_oneSample_proportional() {
    assertThat(WarmUp.of(List.of(new Sample(100, 5_000))).cost()).isEqualTo(new BatchCost(0, 50));
  }
}
