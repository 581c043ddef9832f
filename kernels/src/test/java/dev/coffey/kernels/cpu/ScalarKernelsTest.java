package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// The definition itself, against numbers worked out by hand: all other backends are only compared
/// with it.
class ScalarKernelsTest {
  private final ScalarKernels kernels = new ScalarKernels();
  private final TensorArena arena = kernels.arena();

  @AfterEach
  void close() {
    arena.close();
    kernels.close();
  }

  @Test
  void linear_handExample_isXTimesTransposedWPlusB() {
    Tensor y = arena.tensor(1, 2);
    kernels.linear(
        row(1, 2, 3),
        arena.pack(HostTensor.of(new float[] {1, 0, 0, 4, 5, 6}, 2, 3)),
        row(10, 20),
        Activation.NONE,
        y);
    assertThat(numbers(y)).containsExactly(11, 52);
  }

  @Test
  void activations_handExamples_haveTheirPublishedValues() {
    assertThat(activated(Activation.GELU_ERF)).containsExactly(0.8413448f, -0.15865526f);
    assertThat(activated(Activation.GELU_TANH)).containsExactly(0.841192f, -0.15880801f);
    assertThat(activated(Activation.RELU)).containsExactly(1, 0);
    assertThat(activated(Activation.TANH)).containsExactly(0.7615942f, -0.7615942f);
  }

  private float[] activated(Activation activation) {
    Tensor y = arena.tensor(1, 2);
    kernels.linear(
        row(1), arena.pack(HostTensor.of(new float[] {1, -1}, 2, 1)), null, activation, y);
    return numbers(y);
  }

  @Test
  void norm_handExample_hasMeanZeroAndVarianceOne() {
    Tensor y = arena.tensor(1, 4);
    kernels.norm(
        row(1, 3, 5, 7), new Norm(Norm.Kind.LAYER, row(1, 1, 1, 2), row(0, 0, 0, 1), 0f), y);
    // Mean 4, variance 5.
    float s = (float) Math.sqrt(5);
    assertThat(numbers(y))
        .containsExactly(new float[] {-3 / s, -1 / s, 1 / s, 6 / s + 1}, within(1e-6f));
    kernels.norm(
        row(1, 3, 5, 7), new Norm(Norm.Kind.AFFINE, row(1, 1, 1, 2), row(0, 0, 0, 1), 0f), y);
    assertThat(numbers(y)).containsExactly(1, 3, 5, 15);
  }

  @Test
  void softmax_logarithms_areTheirShares() {
    Tensor y = arena.tensor(1, 3);
    kernels.softmax(row((float) Math.log(1), (float) Math.log(2), (float) Math.log(5)), y);
    assertThat(numbers(y)).containsExactly(new float[] {0.125f, 0.25f, 0.625f}, within(1e-7f));
  }

  @Test
  void attention_handExample_weighsValuesBySoftmaxOfScaledScores() {
    // Head width 1, so no scaling: scores 0 and ln 3 weigh the values 4 and 8 by 1/4 and 3/4.
    Tensor y = arena.tensor(1, 1);
    kernels.attention(
        row(1), indices(0, 1), column(0, (float) Math.log(3)), column(4, 8), indices(0, 2), 1, y);
    assertThat(numbers(y)).containsExactly(new float[] {7}, within(1e-6f));
  }

  @Test
  void attention_queriesWithoutKeys_isZero() {
    Tensor y = arena.tensor(HostTensor.of(new float[] {9}, 1, 1));
    Tensor none = arena.tensor(0, 1);
    kernels.attention(row(1), indices(0, 1), none, none, indices(0, 0), 1, y);
    assertThat(numbers(y)).containsExactly(0);
  }

  @Test
  void pool_threeRows_allModes() {
    assertThat(pooled(Pooling.CLS)).containsExactly(1);
    assertThat(pooled(Pooling.LAST_TOKEN)).containsExactly(6);
    assertThat(pooled(Pooling.MEAN)).containsExactly(3);
    assertThat(pooled(Pooling.MAX)).containsExactly(6);
    assertThat(pooled(Pooling.MEAN_SQRT_LEN)).containsExactly((float) (9 / Math.sqrt(3)));
    assertThat(pooled(Pooling.WEIGHTED_MEAN)).containsExactly((1 + 4 + 18) / 6f);
  }

  private float[] pooled(Pooling pooling) {
    Tensor y = arena.tensor(1, 1);
    kernels.pool(column(1, 2, 6), indices(0, 3), pooling, y);
    return numbers(y);
  }

  @Test
  void neighbours_gapAndTextEnd_areZero() {
    Tensor y = arena.tensor(4, 3);
    kernels.neighbours(column(1, 2, 3, 4), indices(0, 1, 3, 0), indices(0, 3, 4), y);
    assertThat(numbers(y)).containsExactly(0, 1, 2, 1, 2, 0, 0, 3, 0, 0, 4, 0);
  }

  @Test
  void l2Normalize_threeFourAndZero_areUnitAndZero() {
    Tensor y = arena.tensor(2, 2);
    kernels.l2Normalize(arena.tensor(HostTensor.of(new float[] {3, 4, 0, 0}, 2, 2)), y);
    assertThat(numbers(y)).containsExactly(0.6f, 0.8f, 0, 0);
  }

  private Tensor row(float... numbers) {
    return arena.tensor(HostTensor.of(numbers, 1, numbers.length));
  }

  private Tensor column(float... numbers) {
    return arena.tensor(HostTensor.of(numbers, numbers.length, 1));
  }

  private Indices indices(int... numbers) {
    Indices indices = arena.indices(numbers.length);
    kernels.upload(numbers, numbers.length, indices);
    return indices;
  }

  private float[] numbers(Tensor tensor) {
    float[] numbers = new float[tensor.rows() * tensor.columns()];
    kernels.download(tensor, numbers);
    return numbers;
  }
}
