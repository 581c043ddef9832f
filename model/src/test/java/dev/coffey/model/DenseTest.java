package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class DenseTest {
  private static final int ROWS = 3;

  static List<KernelsProvider> backends() {
    return Backends.usable();
  }

  /// Breaks if a layer writes where it reads: layers of any widths, more than there is scratch for
  /// each of them, give what they give one by one.
  @ParameterizedTest
  @MethodSource("backends")
  void run_manyLayers_equalsOneByOne(KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        TensorArena arena = kernels.arena()) {
      int[] widths = {4, 7, 2, 9, 9, 3};
      List<Dense> layers = new ArrayList<>();
      Random random = new Random(7);
      for (int i = 1; i < widths.length; i++) {
        layers.add(
            new Dense(
                arena.pack(random(random, widths[i], widths[i - 1])),
                arena.tensor(random(random, 1, widths[i])),
                i % 2 == 0 ? Activation.TANH : Activation.RELU,
                null));
      }
      Tensor x = arena.tensor(random(random, ROWS, widths[0]));
      Tensor expected = x;
      for (Dense layer : layers) {
        Tensor y = arena.tensor(ROWS, layer.outputs());
        kernels.linear(expected, layer.weights(), layer.bias(), layer.activation(), y);
        expected = y;
      }
      Tensor scratch = arena.tensor(ROWS, Dense.scratchColumns(layers));
      Tensor y = arena.tensor(ROWS, layers.getLast().outputs());
      assertThat(Dense.run(kernels, layers, x, scratch, y)).isSameAs(y);
      assertThat(download(kernels, y)).isEqualTo(download(kernels, expected));
      assertThat(Dense.run(kernels, List.of(), x, scratch, y)).isSameAs(x);
    }
  }

  private static HostTensor random(Random random, int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return HostTensor.of(values, rows, columns);
  }

  private static float[] download(Kernels kernels, Tensor tensor) {
    float[] values = new float[tensor.rows() * tensor.columns()];
    kernels.download(tensor, values);
    return values;
  }
}
