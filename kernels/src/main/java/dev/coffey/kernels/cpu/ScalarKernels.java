package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.ShapeRules;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// The definition of every operation: plain loops on one thread, as close to the formula as Java
/// allows, accumulating in double and rounding once. The other backends are tested against it;
/// speed never touches it.
final class ScalarKernels implements Kernels {
  static final String NAME = "scalar";
  private static final ShapeRules RULES = new ShapeRules(NAME, true);

  private static final double SQRT_TWO_OVER_PI = 0.7978845608028654;

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    return "plain Java loops, 1 thread, fp32 with double accumulators";
  }

  @Override
  public TensorArena arena() {
    return new CpuArena(ScalarWeights::pack);
  }

  @Override
  public void upload(int[] source, int count, Indices target) {
    RULES.upload(source, count, target);
    MemorySegment.copy(source, 0, target.data(), ValueLayout.JAVA_INT, 0, count);
  }

  @Override
  public void download(Tensor source, float[] target) {
    RULES.download(source, target);
    for (int n = 0; n < source.rows(); n++) {
      for (int i = 0; i < source.columns(); i++) {
        target[n * source.columns() + i] = get(source, n, i);
      }
    }
  }

  @Override
  public void gather(Tensor table, Indices rows, Tensor y) {
    RULES.gather(table, rows, y);
    for (int n = 0; n < y.rows(); n++) {
      for (int i = 0; i < y.columns(); i++) {
        set(y, n, i, get(table, get(rows, n), i));
      }
    }
  }

  @Override
  public void addPositionNorm(
      Tensor x,
      Tensor positions,
      Indices position,
      @Nullable Tensor types,
      @Nullable Indices type,
      Norm norm,
      Tensor y) {
    RULES.addPositionNorm(x, positions, position, types, type, norm, y);
    double[] row = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      for (int i = 0; i < x.columns(); i++) {
        row[i] = (double) get(x, n, i) + get(positions, get(position, n), i);
        if (types != null && type != null) {
          row[i] += get(types, get(type, n), i);
        }
      }
      writeNormed(row, norm, y, n);
    }
  }

  @Override
  public void linear(Tensor x, PackedWeights w, @Nullable Tensor bias, Activation act, Tensor y) {
    ScalarWeights weights = RULES.weights("linear", ScalarWeights.class, w);
    RULES.linear(x, w, bias, y);
    for (int n = 0; n < x.rows(); n++) {
      for (int o = 0; o < w.outputs(); o++) {
        set(y, n, o, activate(act, dot(x, n, weights, o, bias)));
      }
    }
  }

  @Override
  public void linearAddNorm(
      Tensor x,
      PackedWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Norm norm,
      Tensor y) {
    ScalarWeights weights = RULES.weights("linearAddNorm", ScalarWeights.class, w);
    RULES.linearAddNorm(x, w, bias, residual, norm, y);
    double[] row = new double[w.outputs()];
    for (int n = 0; n < x.rows(); n++) {
      for (int o = 0; o < w.outputs(); o++) {
        row[o] = dot(x, n, weights, o, bias) + (residual == null ? 0 : get(residual, n, o));
      }
      writeNormed(row, norm, y, n);
    }
  }

  private static double dot(Tensor x, int n, ScalarWeights weights, int o, @Nullable Tensor bias) {
    double sum = bias == null ? 0 : get(bias, 0, o);
    for (int i = 0; i < x.columns(); i++) {
      sum += (double) get(x, n, i) * get(weights.matrix(), o, i);
    }
    return sum;
  }

  private static double activate(Activation act, double x) {
    return switch (act) {
      case NONE -> x;
      case GELU_ERF -> x * NormalDistribution.cdf(x);
      case GELU_TANH ->
          x / 2 * (1 + StrictMath.tanh(SQRT_TWO_OVER_PI * (x + 0.044715 * x * x * x)));
      case RELU -> Math.max(x, 0);
      case TANH -> StrictMath.tanh(x);
    };
  }

  @Override
  public void attention(
      Tensor q, Indices queryOffsets, Tensor k, Tensor v, Indices keyOffsets, int heads, Tensor y) {
    RULES.attention(q, queryOffsets, k, v, keyOffsets, heads, y);
    int width = q.columns() / heads;
    for (int t = 0; t < keyOffsets.length() - 1; t++) {
      int firstKey = get(keyOffsets, t);
      int keys = get(keyOffsets, t + 1) - firstKey;
      double[] weight = new double[keys];
      for (int n = get(queryOffsets, t); n < get(queryOffsets, t + 1); n++) {
        for (int column = 0; column < q.columns(); column += width) {
          for (int m = 0; m < keys; m++) {
            double score = 0;
            for (int i = column; i < column + width; i++) {
              score += (double) get(q, n, i) * get(k, firstKey + m, i);
            }
            weight[m] = score / Math.sqrt(width);
          }
          softmax(weight);
          for (int i = column; i < column + width; i++) {
            double sum = 0;
            for (int m = 0; m < keys; m++) {
              sum += weight[m] * get(v, firstKey + m, i);
            }
            set(y, n, i, sum);
          }
        }
      }
    }
  }

  @Override
  public void neighbours(Tensor x, Indices position, Indices offsets, Tensor y) {
    RULES.neighbours(x, position, offsets, y);
    int width = x.columns();
    for (int t = 0; t < offsets.length() - 1; t++) {
      int first = get(offsets, t);
      int end = get(offsets, t + 1);
      for (int n = first; n < end; n++) {
        boolean before = n > first && get(position, n) - get(position, n - 1) == 1;
        boolean after = n + 1 < end && get(position, n + 1) - get(position, n) == 1;
        for (int i = 0; i < width; i++) {
          set(y, n, i, before ? get(x, n - 1, i) : 0);
          set(y, n, width + i, get(x, n, i));
          set(y, n, 2 * width + i, after ? get(x, n + 1, i) : 0);
        }
      }
    }
  }

  @Override
  public void pool(Tensor x, Indices offsets, Pooling pooling, Tensor y) {
    RULES.pool(x, offsets, y);
    for (int t = 0; t < y.rows(); t++) {
      int first = get(offsets, t);
      int count = get(offsets, t + 1) - first;
      for (int i = 0; i < x.columns(); i++) {
        set(y, t, i, pool(x, first, count, i, pooling));
      }
    }
  }

  private static double pool(Tensor x, int first, int count, int column, Pooling pooling) {
    double sum = 0;
    double weighted = 0;
    double weights = 0;
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < count; i++) {
      double value = get(x, first + i, column);
      sum += value;
      weighted += (i + 1) * value;
      weights += i + 1;
      max = Math.max(max, value);
    }
    return switch (pooling) {
      case CLS -> get(x, first, column);
      case MEAN -> sum / count;
      case MAX -> max;
      case MEAN_SQRT_LEN -> sum / Math.sqrt(count);
      case WEIGHTED_MEAN -> weighted / weights;
      case LAST_TOKEN -> get(x, first + count - 1, column);
    };
  }

  @Override
  public void norm(Tensor x, Norm norm, Tensor y) {
    RULES.norm(x, norm, y);
    double[] row = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      read(x, n, row);
      writeNormed(row, norm, y, n);
    }
  }

  private static void writeNormed(double[] row, Norm norm, Tensor y, int n) {
    double mean = 0;
    double scale = 1;
    if (norm.kind() == Norm.Kind.LAYER) {
      for (double value : row) {
        mean += value;
      }
      mean /= row.length;
      double variance = 0;
      for (double value : row) {
        variance += (value - mean) * (value - mean);
      }
      variance /= row.length;
      scale = Math.sqrt(variance + norm.epsilon());
    }
    for (int i = 0; i < row.length; i++) {
      set(y, n, i, get(norm.weight(), 0, i) * ((row[i] - mean) / scale) + get(norm.bias(), 0, i));
    }
  }

  @Override
  public void l2Normalize(Tensor x, Tensor y) {
    RULES.l2Normalize(x, y);
    double[] row = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      read(x, n, row);
      double squares = 0;
      for (double value : row) {
        squares += value * value;
      }
      double length = Math.max(Math.sqrt(squares), 1e-12);
      for (int i = 0; i < row.length; i++) {
        set(y, n, i, row[i] / length);
      }
    }
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    RULES.softmax(x, y);
    double[] row = new double[x.columns()];
    for (int n = 0; n < x.rows(); n++) {
      read(x, n, row);
      softmax(row);
      for (int i = 0; i < row.length; i++) {
        set(y, n, i, row[i]);
      }
    }
  }

  private static void softmax(double[] row) {
    double max = Double.NEGATIVE_INFINITY;
    for (double value : row) {
      max = Math.max(max, value);
    }
    double sum = 0;
    for (int i = 0; i < row.length; i++) {
      row[i] = StrictMath.exp(row[i] - max);
      sum += row[i];
    }
    for (int i = 0; i < row.length; i++) {
      row[i] /= sum;
    }
  }

  @Override
  public void close() {
    // Holds no thread and no device.
  }

  private static void read(Tensor x, int n, double[] row) {
    for (int i = 0; i < row.length; i++) {
      row[i] = get(x, n, i);
    }
  }

  private static int get(Indices indices, int i) {
    return indices.data().getAtIndex(ValueLayout.JAVA_INT, i);
  }

  private static float get(Tensor tensor, int row, int column) {
    return tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * tensor.stride() + column);
  }

  private static void set(Tensor tensor, int row, int column, double value) {
    tensor
        .data()
        .setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * tensor.stride() + column, (float) value);
  }
}
