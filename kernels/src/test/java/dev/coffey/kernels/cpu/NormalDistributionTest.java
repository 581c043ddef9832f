package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NormalDistributionTest {
  // Values to 17 digits from mpmath's ncdf. Breaks if the series or the fraction loses a term, or
  // if they don't meet at 3.
  @ParameterizedTest
  @CsvSource({
    "-38, 2.8854283600687843e-316",
    "-13.5, 7.8188073056578912e-42",
    "-5, 2.8665157187919391e-7",
    "-3.0000001, 0.0013498975884453205",
    "-3, 0.0013498980316300945",
    "-2.9999999, 0.0013498984748150015",
    "-1.5000001, 0.066807188317099463",
    "-1.4999999, 0.066807214220618612",
    "-1, 0.15865525393145705",
    "-0.001, 0.49960105778608894",
    "0, 0.5",
    "0.5, 0.6914624612740131",
    "1, 0.84134474606854295",
    "2.5, 0.99379033467422386",
    "3, 0.99865010196836991",
    "6, 0.99999999901341235"
  })
  void cdf_knownPoints_areRightTo1e14(double x, double expected) {
    assertThat(NormalDistribution.cdf(x)).isCloseTo(expected, within(1e-14 * expected));
  }

  @Test
  void cdf_ends_areZeroOneAndNaN() {
    assertThat(NormalDistribution.cdf(Double.NEGATIVE_INFINITY)).isZero();
    assertThat(NormalDistribution.cdf(Double.POSITIVE_INFINITY)).isEqualTo(1);
    assertThat(NormalDistribution.cdf(Double.NaN)).isNaN();
  }
}
