package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The bits of a product: each number is the bias plus chains of fused multiply-adds, first input
/// first, whatever computes it.
class BlockedProductTest {
  private static final long SEED = 3;

  // Breaks if a tile's height, a repeated row, a tail of columns or the cut into blocks of rows
  // changes the order of a sum, or writes to the wrong place.
  @ParameterizedTest
  @ValueSource(ints = {4, 8, 16})
  void linear_anyNumberOfRows_sumsInTheOneOrder(int lanes) {
    int[] parts = {lanes + 3, 2 * lanes, 1};
    try (Kernels kernels = ForcedWidths.open(lanes, 2);
        Product product = new Product(kernels, 260, 5, parts)) {
      for (int rows = 1; rows <= 260; rows++) {
        product.check(rows);
      }
    }
  }

  // Breaks if the blocks of the depth don't go on from what was stored.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 255, 256, 257, 767, 768, 769, 1537, 3072})
  void linear_anyDepth_sumsInTheOneOrder(int depth) {
    try (Kernels kernels = new VectorProvider().open(new KernelsOptions(2));
        Product product = new Product(kernels, 131, depth, 17, 32)) {
      for (int rows : new int[] {1, 4, 5, 6, 7, 12, 13, 131}) {
        product.check(rows);
      }
    }
  }

  // Breaks if which thread computes a chunk matters, or if chunks overlap.
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7})
  void linear_anyNumberOfThreads_sumsInTheOneOrder(int threads) {
    try (Kernels kernels = new VectorProvider().open(new KernelsOptions(threads));
        Product product = new Product(kernels, 260, 40, 300, 77)) {
      for (int rows : new int[] {1, 6, 127, 128, 129, 257, 260}) {
        product.check(rows);
      }
    }
  }

  /// One matrix of weights in parts, and inputs whose first rows are used.
  private static final class Product implements AutoCloseable {
    private final Kernels kernels;
    private final TensorArena arena;
    private final int depth;
    private final int outputs;
    private final float[] x;
    private final float[] w;
    private final float[] b;
    private final float[] expected;
    private final PackedWeights weights;

    Product(Kernels kernels, int rows, int depth, int... parts) {
      this.kernels = kernels;
      this.arena = kernels.arena();
      this.depth = depth;
      this.outputs = IntStream.of(parts).sum();
      SplittableRandom random = new SplittableRandom(SEED);
      this.x = random(random, rows * depth);
      this.w = random(random, outputs * depth);
      this.b = random(random, outputs);
      this.expected = new float[rows * outputs];
      for (int n = 0; n < rows; n++) {
        for (int o = 0; o < outputs; o++) {
          float sum = b[o];
          for (int from = 0; from < depth; from += PanelMultiplication.CHAIN) {
            float chain = 0;
            for (int i = from; i < Math.min(from + PanelMultiplication.CHAIN, depth); i++) {
              chain = Math.fma(x[n * depth + i], w[o * depth + i], chain);
            }
            sum += chain;
          }
          expected[n * outputs + o] = sum;
        }
      }
      HostTensor[] matrices = new HostTensor[parts.length];
      int first = 0;
      for (int part = 0; part < parts.length; part++) {
        float[] numbers = Arrays.copyOfRange(w, first * depth, (first + parts[part]) * depth);
        matrices[part] = HostTensor.of(numbers, parts[part], depth);
        first += parts[part];
      }
      this.weights = arena.pack(matrices);
    }

    private static float[] random(SplittableRandom random, int count) {
      float[] numbers = new float[count];
      for (int i = 0; i < count; i++) {
        numbers[i] = (float) random.nextDouble(-1, 1);
      }
      return numbers;
    }

    void check(int rows) {
      try (TensorArena own = kernels.arena()) {
        Tensor y = own.tensor(rows, outputs);
        kernels.linear(
            own.tensor(HostTensor.of(Arrays.copyOf(x, rows * depth), rows, depth)),
            weights,
            own.tensor(HostTensor.of(b, 1, outputs)),
            Activation.NONE,
            y);
        float[] actual = new float[rows * outputs];
        kernels.download(y, actual);
        assertThat(actual)
            .as("%s rows of %s inputs, seed %s", rows, depth, SEED)
            .isEqualTo(Arrays.copyOf(expected, rows * outputs));
      }
    }

    @Override
    public void close() {
      arena.close();
    }
  }
}
