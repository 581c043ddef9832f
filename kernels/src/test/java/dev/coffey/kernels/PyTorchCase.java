package dev.coffey.kernels;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// The calls whose errors `make_pytorch_errors.py` measured in PyTorch, with the same inputs.
enum PyTorchCase {
  PRODUCT("product") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.product(WIDTH, 72, Activation.NONE);
    }
  },
  PRODUCT_GELU_ERF("product, GELU (erf)") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.product(128, 72, Activation.GELU_ERF);
    }
  },
  PRODUCT_GELU_TANH("product, GELU (tanh)") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.product(128, 72, Activation.GELU_TANH);
    }
  },
  PRODUCT_RELU("product, ReLU") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.product(128, 72, Activation.RELU);
    }
  },
  PRODUCT_TANH("product, tanh") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.product(128, 72, Activation.TANH);
    }
  },
  PRODUCT_RESIDUAL("product + residual") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.productNorm(WIDTH, 72, false);
    }
  },
  PRODUCT_RESIDUAL_NORM("product + residual, norm") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.productNorm(256, 136, true);
    }
  },
  ATTENTION_16("attention, D = 16, 1 to 130 keys") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(16, IntStream.rangeClosed(1, 130).toArray());
    }
  },
  ATTENTION_26("attention, D = 26") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(26, LENGTHS);
    }
  },
  ATTENTION_32("attention, D = 32") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(32, LENGTHS);
    }
  },
  ATTENTION_64("attention, D = 64") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(64, LENGTHS);
    }
  },
  ATTENTION_128("attention, D = 128") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(128, LENGTHS);
    }
  },
  ATTENTION_LONG("attention, D = 64, 300 keys") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.attention(64, 300);
    }
  },
  POSITION_NORM("position + norm") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.addPositionNorm(false);
    }
  },
  POSITION_TYPE_NORM("position + type + norm") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.addPositionNorm(true);
    }
  },
  GATHER("gather") {
    @Override
    Tensor run(Inputs inputs) {
      Tensor table = inputs.numbers(ROWS, WIDTH);
      int[] backwards = IntStream.range(0, ROWS).map(n -> ROWS - 1 - n).toArray();
      Tensor y = inputs.output(ROWS, WIDTH);
      inputs.kernels().gather(table, inputs.indices(backwards), y);
      return y;
    }
  },
  NEIGHBOURS("neighbours") {
    @Override
    Tensor run(Inputs inputs) {
      Tensor x = inputs.numbers(ROWS, WIDTH);
      Tensor y = inputs.output(ROWS, 3 * WIDTH);
      inputs.kernels().neighbours(x, inputs.positions(), inputs.indices(0, ROWS), y);
      return y;
    }
  },
  NORM("norm") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.norm(Norm.Kind.LAYER);
    }
  },
  NORM_AFFINE("norm, affine") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.norm(Norm.Kind.AFFINE);
    }
  },
  POOL_CLS("pool, first row") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.CLS);
    }
  },
  POOL_MEAN("pool, mean") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.MEAN);
    }
  },
  POOL_MAX("pool, maximum") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.MAX);
    }
  },
  POOL_MEAN_SQRT_LEN("pool, mean-sqrt-length") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.MEAN_SQRT_LEN);
    }
  },
  POOL_WEIGHTED_MEAN("pool, weighted mean") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.WEIGHTED_MEAN);
    }
  },
  POOL_LAST_TOKEN("pool, last row") {
    @Override
    Tensor run(Inputs inputs) {
      return inputs.pool(Pooling.LAST_TOKEN);
    }
  },
  L2_NORMALIZE("l2Normalize") {
    @Override
    Tensor run(Inputs inputs) {
      Tensor x = inputs.numbers(ROWS, WIDTH);
      Tensor y = inputs.output(ROWS, WIDTH);
      inputs.kernels().l2Normalize(x, y);
      return y;
    }
  },
  SOFTMAX("softmax") {
    @Override
    Tensor run(Inputs inputs) {
      Tensor x = inputs.numbers(ROWS, WIDTH, 4);
      Tensor y = inputs.output(ROWS, WIDTH);
      inputs.kernels().softmax(x, y);
      return y;
    }
  };

  private static final int ROWS = 33;
  private static final int WIDTH = 768;
  private static final int[] LENGTHS = {1, 2, 17, 63, 64, 65, 127, 128, 129, 130};

  private final String name;

  PyTorchCase(String name) {
    this.name = name;
  }

  abstract Tensor run(Inputs inputs);

  /// What the case is called in the file of PyTorch's errors.
  String title() {
    return name;
  }

  /// The backend's result.
  float[] result(Kernels kernels) {
    try (TensorArena arena = kernels.arena()) {
      Tensor y = run(new Inputs(kernels, arena));
      float[] result = new float[y.rows() * y.columns()];
      kernels.download(y, result);
      return result;
    }
  }

  /// Draws what the script draws, in its order.
  static final class Inputs {
    private final Kernels kernels;
    private final TensorArena arena;
    private final SplittableRandom random = new SplittableRandom(0);

    private Inputs(Kernels kernels, TensorArena arena) {
      this.kernels = kernels;
      this.arena = arena;
    }

    Kernels kernels() {
      return kernels;
    }

    /// Multiples of `largest / 64`, `largest` a power of two: exact in every precision.
    static float[] draw(SplittableRandom random, int count, double largest) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) ((random.nextLong() >> 57) * largest / 64);
      }
      return values;
    }

    private HostTensor host(int rows, int columns, double largest) {
      return HostTensor.of(draw(random, rows * columns, largest), rows, columns);
    }

    Tensor numbers(int rows, int columns, double largest) {
      return arena.tensor(host(rows, columns, largest));
    }

    Tensor numbers(int rows, int columns) {
      return numbers(rows, columns, 1);
    }

    Tensor output(int rows, int columns) {
      return arena.tensor(rows, columns);
    }

    Indices indices(int... numbers) {
      Indices indices = arena.indices(numbers.length);
      kernels.upload(numbers, numbers.length, indices);
      return indices;
    }

    Indices positions() {
      return indices(IntStream.range(0, ROWS).toArray());
    }

    private PackedWeights weights(int inputs, int outputs) {
      double largest = Math.scalb(1.0, 1 - (int) (log2(inputs) / 2));
      return arena.pack(host(outputs, inputs, largest));
    }

    private static double log2(int number) {
      return Math.log(number) / Math.log(2);
    }

    Tensor product(int inputs, int outputs, Activation activation) {
      Tensor x = numbers(ROWS, inputs);
      PackedWeights weights = weights(inputs, outputs);
      Tensor bias = numbers(1, outputs);
      Tensor y = output(ROWS, outputs);
      kernels.linear(x, weights, bias, activation, y);
      return y;
    }

    Tensor productNorm(int inputs, int outputs, boolean layer) {
      Tensor x = numbers(ROWS, inputs);
      PackedWeights weights = weights(inputs, outputs);
      Tensor bias = numbers(1, outputs);
      Tensor residual = numbers(ROWS, outputs);
      Norm norm = layer ? layer(outputs) : identity(outputs);
      Tensor y = output(ROWS, outputs);
      kernels.linearAddNorm(x, weights, bias, residual, norm, y);
      return y;
    }

    private Norm layer(int columns) {
      return new Norm(Norm.Kind.LAYER, numbers(1, columns), numbers(1, columns), 1e-12f);
    }

    /// Leaves the sum as it is.
    private Norm identity(int columns) {
      float[] ones = new float[columns];
      Arrays.fill(ones, 1);
      return new Norm(
          Norm.Kind.AFFINE,
          arena.tensor(HostTensor.of(ones, 1, columns)),
          arena.tensor(HostTensor.of(new float[columns], 1, columns)),
          0);
    }

    /// One head.
    Tensor attention(int width, int... lengths) {
      int[] starts = new int[lengths.length + 1];
      for (int text = 0; text < lengths.length; text++) {
        starts[text + 1] = starts[text] + lengths[text];
      }
      int tokens = starts[lengths.length];
      Tensor q = numbers(tokens, width, 4);
      Tensor k = numbers(tokens, width);
      Tensor v = numbers(tokens, width);
      Indices offsets = indices(starts);
      Tensor y = output(tokens, width);
      kernels.attention(q, offsets, k, v, offsets, 1, y);
      return y;
    }

    Tensor addPositionNorm(boolean typed) {
      Tensor x = numbers(ROWS, WIDTH);
      Tensor positions = numbers(ROWS, WIDTH);
      @Nullable Tensor types = typed ? numbers(1, WIDTH) : null;
      @Nullable Indices type = typed ? indices(new int[ROWS]) : null;
      Norm norm = layer(WIDTH);
      Tensor y = output(ROWS, WIDTH);
      kernels.addPositionNorm(x, positions, positions(), types, type, norm, y);
      return y;
    }

    Tensor norm(Norm.Kind kind) {
      Tensor x = numbers(ROWS, WIDTH);
      Norm norm = new Norm(kind, numbers(1, WIDTH), numbers(1, WIDTH), 1e-12f);
      Tensor y = output(ROWS, WIDTH);
      kernels.norm(x, norm, y);
      return y;
    }

    Tensor pool(Pooling pooling) {
      Tensor x = numbers(ROWS, WIDTH);
      Tensor y = output(3, WIDTH);
      kernels.pool(x, indices(0, 1, 4, ROWS), pooling, y);
      return y;
    }
  }
}
