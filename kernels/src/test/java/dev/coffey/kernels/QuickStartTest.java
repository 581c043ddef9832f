package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.cpu.VectorProvider;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// A backend that was opened for a quick start: slower, and never another bit.
class QuickStartTest {
  // Less than a vector of any width, tails, whole vectors, more than a pair of them, two chains.
  private static final int[] SIZES = {1, 9, 16, 40, 65, 130, 300};

  private static Kernels open(boolean quickStart) {
    return new VectorProvider().open(new KernelsOptions(2, DType.F32, 0, quickStart));
  }

  /// Red if a loop over arrays did one operation otherwise than the vectors do: another order of a
  /// sum, a multiplication and an addition where there is one rounding, another constant.
  @ParameterizedTest
  @EnumSource(Operation.class)
  void anyOperation_quickStart_hasTheSameBits(Operation operation) {
    try (Kernels vectors = open(false);
        Kernels plain = open(true)) {
      for (int size : SIZES) {
        for (Bench.Values values : Bench.Values.values()) {
          assertThat(bits(operation, plain, values, size))
              .as("%s of size %d, %s", operation, size, values)
              .isEqualTo(bits(operation, vectors, values, size));
        }
      }
    }
  }

  private static int[] bits(Operation operation, Kernels kernels, Bench.Values values, int size) {
    try (Bench bench = new Bench(kernels, values, size)) {
      float[] result = Operation.result(operation.call(bench, size), bench);
      int[] bits = new int[result.length];
      for (int i = 0; i < bits.length; i++) {
        // Any NaN is as good as another.
        bits[i] = Float.floatToIntBits(result[i]);
      }
      return bits;
    }
  }

  /// Red if the vectors were used before they are known to be faster.
  @Test
  void warmUp_limitPasses_saysSo() {
    try (Kernels kernels = open(true)) {
      assertThat(kernels.warmUp(Duration.ZERO)).isFalse();
    }
  }

  @Test
  void warmUp_noQuickStart_hasNothingToDo() {
    try (Kernels kernels = open(false)) {
      assertThat(kernels.warmUp(Duration.ZERO)).isTrue();
    }
  }
}
