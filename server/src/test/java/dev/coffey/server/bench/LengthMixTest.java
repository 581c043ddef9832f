package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LengthMixTest {
  private static final int COUNT = 200_000;

  private static int[] lengths(LengthMix mix) {
    SplittableRandom random = new SplittableRandom(7);
    return IntStream.range(0, COUNT).map(_ -> mix.next(random)).toArray();
  }

  private static double mean(int[] lengths) {
    return IntStream.of(lengths).average().orElseThrow();
  }

  // Breaks if a count is lost, or the table is read one off.
  @Test
  void sst2_manyTexts_haveTheMeanAndTheEndsOfTheDataSet() {
    int[] lengths = lengths(new LengthMix.Sst2());
    assertThat(mean(lengths)).isCloseTo(25.164, within(0.1));
    assertThat(IntStream.of(lengths).min()).hasValue(4);
    assertThat(IntStream.of(lengths).max()).hasValue(55);
  }

  // Of a whole number below x, half is lost on average; the cut at 512 takes 48·e^(-504/48).
  @Test
  void longTail_manyTexts_haveTheMeanOfTheirExponential() {
    int[] lengths = lengths(new LengthMix.LongTail());
    assertThat(mean(lengths)).isCloseTo(8 + 48 - 0.5, within(0.5));
    assertThat(IntStream.of(lengths).min()).hasValue(8);
    assertThat(IntStream.of(lengths).max().orElseThrow()).isLessThanOrEqualTo(512);
    double beyond = IntStream.of(lengths).filter(length -> length >= 104).count() / (double) COUNT;
    assertThat(beyond).isCloseTo(Math.exp(-2), within(0.005));
  }

  @Test
  void uniform_manyTexts_haveBothEndsAndTheMiddle() {
    int[] lengths = lengths(new LengthMix.Uniform(8, 127));
    assertThat(mean(lengths)).isCloseTo(67.5, within(0.5));
    assertThat(IntStream.of(lengths).min()).hasValue(8);
    assertThat(IntStream.of(lengths).max()).hasValue(127);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sst2", "long-tail", "fixed:128", "uniform:8:128"})
  void parse_label_isTheMix(String label) {
    assertThat(LengthMix.parse(label).label()).isEqualTo(label);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "sst3", "fixed", "fixed:x", "fixed:1", "fixed:513", "uniform:9:8", "sst2:1"})
  void parse_noMix_isRefused(String label) {
    assertThatThrownBy(() -> LengthMix.parse(label)).isInstanceOf(IllegalArgumentException.class);
  }
}
