package dev.coffey.kernels;

import java.util.Arrays;
import java.util.function.Consumer;

/// Every operation of [Kernels], each called with inputs of a size: what the contract, the
/// invariance and the cold-start tests have in common.
enum Operation {
  GATHER {
    @Override
    Call call(Bench bench, int size) {
      float[] table = bench.numbers(4, size);
      Tensor input = bench.tensor(table, 4, size);
      Indices rows = bench.indices(3, 0, 0, 2, 1);
      Tensor y = bench.output(5, size);
      return new Call(k -> k.gather(input, rows, y), y, exact());
    }
  },
  ADD_POSITION_NORM {
    @Override
    Call call(Bench bench, int size) {
      return addPositionNorm(bench, size, true, Norm.Kind.LAYER);
    }
  },
  ADD_POSITION_NORM_WITHOUT_TYPES {
    @Override
    Call call(Bench bench, int size) {
      return addPositionNorm(bench, size, false, Norm.Kind.AFFINE);
    }
  },
  LINEAR {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 5, size, 9, true, Activation.NONE);
    }
  },
  LINEAR_WITHOUT_BIAS {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 3, 10, size, false, Activation.NONE);
    }
  },
  LINEAR_MANY_ROWS {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, size, 7, 19, true, Activation.NONE);
    }
  },
  LINEAR_GELU_ERF {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 6, 8, size, true, Activation.GELU_ERF);
    }
  },
  LINEAR_GELU_TANH {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 6, 8, size, true, Activation.GELU_TANH);
    }
  },
  LINEAR_RELU {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 6, 8, size, true, Activation.RELU);
    }
  },
  LINEAR_TANH {
    @Override
    Call call(Bench bench, int size) {
      return linear(bench, 6, 8, size, true, Activation.TANH);
    }
  },
  LINEAR_ADD_NORM {
    @Override
    Call call(Bench bench, int size) {
      return linearAddNorm(bench, size, true, false, Norm.Kind.LAYER);
    }
  },
  LINEAR_ADD_NORM_IN_PLACE {
    @Override
    Call call(Bench bench, int size) {
      return linearAddNorm(bench, size, true, true, Norm.Kind.LAYER);
    }
  },
  LINEAR_NORM_AFFINE {
    @Override
    Call call(Bench bench, int size) {
      return linearAddNorm(bench, size, false, false, Norm.Kind.AFFINE);
    }
  },
  ATTENTION_BY_LENGTH {
    @Override
    Call call(Bench bench, int size) {
      int[] lengths = {3, size, 1, 0, 5};
      // More queries than attention takes at a time, but not for each long text: that takes
      // seconds.
      int[] queries = {3, size > 65 ? 5 : Math.min(size, 37), 1, 0, 2};
      return attention(bench, queries, lengths, 2, 5);
    }
  },
  ATTENTION_BY_WIDTH {
    @Override
    Call call(Bench bench, int size) {
      // The second takes more than one block of keys whatever the width.
      int[] lengths = {2, 67};
      return attention(bench, new int[] {2, 1}, lengths, 3, Math.min(size, 128));
    }
  },
  /// Heads as wide as what a GPU copies at once.
  ATTENTION_OF_WHOLE_PIECES {
    @Override
    Call call(Bench bench, int size) {
      // More than three blocks of keys show nothing new, and take long to interpret.
      int keys = Math.min(size, 197);
      return attention(bench, new int[] {Math.min(keys, 5)}, new int[] {keys}, 2, 16);
    }
  },
  ATTENTION_WITHOUT_KEYS {
    @Override
    Call call(Bench bench, int size) {
      return attention(bench, new int[] {2, 1, 1}, new int[] {4, 0, 2}, 1, Math.min(size, 128));
    }
  },
  NEIGHBOURS {
    @Override
    Call call(Bench bench, int size) {
      float[] x = bench.numbers(7, size);
      Tensor input = bench.tensor(x, 7, size);
      // A gap within the first text, a text of one row whose position is the next, and an empty
      // one.
      Indices position = bench.indices(0, 1, 3, 4, 5, 0, 1);
      Indices offsets = bench.indices(0, 4, 5, 5, 7);
      Tensor y = bench.output(7, 3 * size);
      return new Call(k -> k.neighbours(input, position, offsets, y), y, exact());
    }
  },
  POOL_CLS {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.CLS);
    }
  },
  POOL_MEAN {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.MEAN);
    }
  },
  POOL_MAX {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.MAX);
    }
  },
  POOL_MEAN_SQRT_LEN {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.MEAN_SQRT_LEN);
    }
  },
  POOL_WEIGHTED_MEAN {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.WEIGHTED_MEAN);
    }
  },
  POOL_LAST_TOKEN {
    @Override
    Call call(Bench bench, int size) {
      return pool(bench, size, Pooling.LAST_TOKEN);
    }
  },
  NORM {
    @Override
    Call call(Bench bench, int size) {
      return norm(bench, size, Norm.Kind.LAYER);
    }
  },
  NORM_AFFINE {
    @Override
    Call call(Bench bench, int size) {
      return norm(bench, size, Norm.Kind.AFFINE);
    }
  },
  L2_NORMALIZE {
    @Override
    Call call(Bench bench, int size) {
      float[] x = bench.numbers(5, size);
      Tensor input = bench.tensor(x, 5, size);
      Tensor y = bench.output(5, size);
      return new Call(
          k -> k.l2Normalize(input, y),
          y,
          expected ->
              each(
                  expected,
                  (i, e) -> (size + 8) * Tolerance.U * Math.abs(e) + Tolerance.UNDERFLOW));
    }
  },
  SOFTMAX {
    @Override
    Call call(Bench bench, int size) {
      float[] x = bench.numbers(5, size);
      Tensor input = bench.tensor(x, 5, size);
      Tensor y = bench.output(5, size);
      return new Call(
          k -> k.softmax(input, y),
          y,
          expected ->
              each(
                  expected,
                  (i, e) -> {
                    double max = Double.NEGATIVE_INFINITY;
                    for (int j = i / size * size; j < (i / size + 1) * size; j++) {
                      max = Math.max(max, x[j]);
                    }
                    return Tolerance.softmax(size, max - x[i], e, 0);
                  }));
    }
  };

  /// One call, ready to be made. `tolerance` gives, for the oracle's result, how far another may be
  /// from it.
  record Call(Consumer<Kernels> run, Tensor y, Bound tolerance) {}

  @FunctionalInterface
  interface Bound {
    double[] tolerance(float[] expected);
  }

  @FunctionalInterface
  private interface ElementBound {
    double tolerance(int index, double expected);
  }

  /// Prepares the call with inputs from `bench`; the output is the tensor that `bench` made last.
  abstract Call call(Bench bench, int size);

  /// The backend's result of this operation.
  static float[] result(Call call, Bench bench) {
    call.run().accept(bench.kernels());
    return bench.read(call.y());
  }

  private static Bound exact() {
    return expected -> new double[expected.length];
  }

  private static double[] each(float[] expected, ElementBound bound) {
    double[] tolerance = new double[expected.length];
    Arrays.setAll(tolerance, i -> bound.tolerance(i, expected[i]));
    return tolerance;
  }

  private static Norm learned(Bench bench, float[] weight, float[] bias, Norm.Kind kind) {
    return new Norm(kind, bench.vector(weight), bench.vector(bias), 1e-12f);
  }

  private static Call addPositionNorm(Bench bench, int size, boolean typed, Norm.Kind kind) {
    int rows = 5;
    int[] position = {0, 1, 2, 0, 3};
    int[] type = {0, 0, 1, 1, 0};
    float[] x = bench.numbers(rows, size);
    float[] positions = bench.parameters(4, size);
    float[] types = bench.parameters(2, size);
    float[] weight = bench.parameters(1, size);
    float[] bias = bench.parameters(1, size);
    Tensor input = bench.tensor(x, rows, size);
    Tensor table = bench.tensor(positions, 4, size);
    Tensor typeTable = typed ? bench.tensor(types, 2, size) : null;
    Norm norm = learned(bench, weight, bias, kind);
    Indices where = bench.indices(position);
    Indices what = typed ? bench.indices(type) : null;
    Tensor y = bench.output(rows, size);
    return new Call(
        k -> k.addPositionNorm(input, table, where, typeTable, what, norm, y),
        y,
        expected -> {
          double[][] sums = new double[rows][size];
          double[][] errors = new double[rows][size];
          for (int n = 0; n < rows; n++) {
            for (int i = 0; i < size; i++) {
              double a = x[n * size + i];
              double b = positions[position[n] * size + i];
              double c = typed ? types[type[n] * size + i] : 0;
              sums[n][i] = a + b + c;
              errors[n][i] = 2 * Tolerance.U * (Math.abs(a) + Math.abs(b) + Math.abs(c));
            }
          }
          return normed(sums, errors, weight, bias, norm);
        });
  }

  private static double[] normed(
      double[][] rows, double[][] errors, float[] weight, float[] bias, Norm norm) {
    double[] tolerance = new double[rows.length * weight.length];
    for (int n = 0; n < rows.length; n++) {
      double[] row = Tolerance.norm(rows[n], errors[n], weight, bias, norm);
      System.arraycopy(row, 0, tolerance, n * weight.length, weight.length);
    }
    return tolerance;
  }

  private static Call linear(
      Bench bench, int rows, int inputs, int outputs, boolean biased, Activation act) {
    float[] x = bench.numbers(rows, inputs);
    float[] w = bench.parameters(outputs, inputs);
    float[] bias = biased ? bench.parameters(1, outputs) : new float[outputs];
    Tensor input = bench.tensor(x, rows, inputs);
    // Two parts of unequal size: the seam between them lies anywhere.
    int first = outputs / 3;
    PackedWeights weights =
        bench.pack(
            HostTensor.of(Arrays.copyOf(w, first * inputs), first, inputs),
            HostTensor.of(
                Arrays.copyOfRange(w, first * inputs, w.length), outputs - first, inputs));
    Tensor b = biased ? bench.vector(bias) : null;
    Tensor y = bench.output(rows, outputs);
    return new Call(
        k -> k.linear(input, weights, b, act, y),
        y,
        expected ->
            each(
                expected,
                (i, e) -> {
                  double[] dot = dot(x, i / outputs, w, i % outputs, inputs, bias[i % outputs]);
                  return Tolerance.activation(act, dot[0], e, Tolerance.sum(inputs + 1, dot[1]));
                }));
  }

  /// The dot product of a row of x and a row of w plus bias, and the sum of its terms' magnitudes.
  private static double[] dot(float[] x, int n, float[] w, int o, int inputs, float bias) {
    double sum = bias;
    double magnitude = Math.abs(bias);
    for (int i = 0; i < inputs; i++) {
      double term = (double) x[n * inputs + i] * w[o * inputs + i];
      sum += term;
      magnitude += Math.abs(term);
    }
    return new double[] {sum, magnitude};
  }

  private static Call linearAddNorm(
      Bench bench, int size, boolean residual, boolean inPlace, Norm.Kind kind) {
    int rows = 5;
    int inputs = 12;
    float[] x = bench.numbers(rows, inputs);
    float[] w = bench.parameters(size, inputs);
    float[] linearBias = bench.parameters(1, size);
    float[] added = residual ? bench.numbers(rows, size) : new float[rows * size];
    float[] weight = bench.parameters(1, size);
    float[] bias = bench.parameters(1, size);
    Tensor input = bench.tensor(x, rows, inputs);
    PackedWeights weights = bench.pack(HostTensor.of(w, size, inputs));
    Tensor b = bench.vector(linearBias);
    Tensor apart = residual && !inPlace ? bench.tensor(added, rows, size) : null;
    Norm norm = learned(bench, weight, bias, kind);
    Tensor y = inPlace ? bench.inPlace(added, rows, size) : bench.output(rows, size);
    return new Call(
        k -> k.linearAddNorm(input, weights, b, inPlace ? y : apart, norm, y),
        y,
        expected -> {
          double[][] sums = new double[rows][size];
          double[][] errors = new double[rows][size];
          for (int n = 0; n < rows; n++) {
            for (int o = 0; o < size; o++) {
              double[] dot = dot(x, n, w, o, inputs, linearBias[o]);
              double term = added[n * size + o];
              sums[n][o] = dot[0] + term;
              errors[n][o] =
                  Tolerance.sum(inputs + 2, dot[1] + Math.abs(term))
                      + bench.unit() / 2 * Math.abs(sums[n][o]);
            }
          }
          return normed(sums, errors, weight, bias, norm);
        });
  }

  private static Call attention(Bench bench, int[] queries, int[] keys, int heads, int width) {
    int hidden = heads * width;
    int queryRows = Arrays.stream(queries).sum();
    int keyRows = Arrays.stream(keys).sum();
    float[] q = bench.numbers(queryRows, hidden);
    float[] k = bench.numbers(keyRows, hidden);
    float[] v = bench.parameters(keyRows, hidden);
    Tensor queryTensor = bench.tensor(q, queryRows, hidden);
    Tensor keyTensor = bench.tensor(k, keyRows, hidden);
    Tensor valueTensor = bench.tensor(v, keyRows, hidden);
    int[] queryOffsets = offsets(queries);
    int[] keyOffsets = offsets(keys);
    Indices queryIndices = bench.indices(queryOffsets);
    Indices keyIndices = bench.indices(keyOffsets);
    Tensor y = bench.output(queryRows, hidden);
    return new Call(
        kernels ->
            kernels.attention(
                queryTensor, queryIndices, keyTensor, valueTensor, keyIndices, heads, y),
        y,
        expected -> {
          double[] tolerance = new double[expected.length];
          for (int t = 0; t < keys.length; t++) {
            for (int n = queryOffsets[t]; n < queryOffsets[t + 1]; n++) {
              for (int column = 0; column < hidden; column += width) {
                headTolerance(
                    q,
                    k,
                    v,
                    n,
                    keyOffsets[t],
                    keyOffsets[t + 1],
                    hidden,
                    column,
                    width,
                    bench.unit(),
                    tolerance);
              }
            }
          }
          return tolerance;
        });
  }

  private static void headTolerance(
      float[] q,
      float[] k,
      float[] v,
      int n,
      int firstKey,
      int endKey,
      int hidden,
      int column,
      int width,
      double unit,
      double[] tolerance) {
    int keys = endKey - firstKey;
    double[] scores = new double[keys];
    double scoreError = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (int m = 0; m < keys; m++) {
      double magnitude = 0;
      for (int i = column; i < column + width; i++) {
        double term = (double) q[n * hidden + i] * k[(firstKey + m) * hidden + i];
        scores[m] += term / Math.sqrt(width);
        magnitude += Math.abs(term) / Math.sqrt(width);
      }
      scoreError = Math.max(scoreError, Tolerance.sum(width + 2, magnitude));
      max = Math.max(max, scores[m]);
    }
    double sum = 0;
    for (double score : scores) {
      sum += Math.exp(score - max);
    }
    for (int i = column; i < column + width; i++) {
      double error = 0;
      double range = 0;
      for (int m = 0; m < keys; m++) {
        double weight = Math.exp(scores[m] - max) / sum;
        double value = Math.abs(v[(firstKey + m) * hidden + i]);
        // The division by the sum and the products with v add keys + 2 roundings more. Weights are
        // stored for the product with v; below the smallest normal number of 16 bits some of
        // them lose more.
        error +=
            value
                * (Tolerance.softmax(keys, max - scores[m], weight, scoreError)
                    + (keys + 2) * Tolerance.U * weight
                    + unit / 2 * weight
                    + unit * Bench.SMALLEST_NORMAL);
        range = Math.max(range, value);
      }
      // Scores of ±1e8 are off by more than 1: then all that is known is that y is an average of
      // the values.
      tolerance[n * hidden + i] = Math.min(error, 2 * range) + Tolerance.UNDERFLOW;
    }
  }

  private static int[] offsets(int[] lengths) {
    int[] offsets = new int[lengths.length + 1];
    for (int t = 0; t < lengths.length; t++) {
      offsets[t + 1] = offsets[t] + lengths[t];
    }
    return offsets;
  }

  private static Call pool(Bench bench, int size, Pooling pooling) {
    int[] offsets = {0, 1, 4, 4 + 13};
    int rows = 17;
    float[] x = bench.numbers(rows, size);
    Tensor input = bench.tensor(x, rows, size);
    Indices indices = bench.indices(offsets);
    Tensor y = bench.output(3, size);
    return new Call(
        k -> k.pool(input, indices, pooling, y),
        y,
        switch (pooling) {
          case CLS, MAX, LAST_TOKEN -> exact();
          case MEAN, MEAN_SQRT_LEN, WEIGHTED_MEAN ->
              expected ->
                  each(
                      expected,
                      (i, e) -> {
                        int first = offsets[i / size];
                        int count = offsets[i / size + 1] - first;
                        double magnitude = 0;
                        double weights = 0;
                        for (int n = 0; n < count; n++) {
                          double weight = pooling == Pooling.WEIGHTED_MEAN ? n + 1 : 1;
                          weights += weight;
                          magnitude += weight * Math.abs(x[(first + n) * size + i % size]);
                        }
                        double divisor =
                            pooling == Pooling.MEAN_SQRT_LEN ? Math.sqrt(count) : weights;
                        return Tolerance.sum(count + 2, magnitude / divisor);
                      });
        });
  }

  private static Call norm(Bench bench, int size, Norm.Kind kind) {
    int rows = 5;
    float[] x = bench.numbers(rows, size);
    float[] weight = bench.parameters(1, size);
    float[] bias = bench.parameters(1, size);
    Tensor input = bench.tensor(x, rows, size);
    Norm norm = learned(bench, weight, bias, kind);
    Tensor y = bench.output(rows, size);
    return new Call(
        k -> k.norm(input, norm, y),
        y,
        expected -> {
          double[][] sums = new double[rows][size];
          for (int i = 0; i < x.length; i++) {
            sums[i / size][i % size] = x[i];
          }
          return normed(sums, new double[rows][size], weight, bias, norm);
        });
  }
}
