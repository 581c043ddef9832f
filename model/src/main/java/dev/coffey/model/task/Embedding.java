package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.tokenize.Encoding;
import java.util.Arrays;
import java.util.List;

/// Pooled vectors as embeddings.
public final class Embedding {
  /// Below this length a vector is divided by this instead, as torch's `normalize` does: zeros stay
  /// zeros.
  private static final double LEAST_LENGTH = 1e-12;

  private Embedding() {}

  /// The vector of a text: pooled, then scaled if `pooled` says so, then cut to `dimensions`, then
  /// scaled if `normalize`: the order of sentence-transformers, whose models may scale their
  /// vectors themselves, and whose `encode` then cuts and scales.
  ///
  /// Of a text in windows: the mean of the windows' vectors as pooled, weighted by their tokens, in
  /// place of the pooled vector. For mean pooling that is the mean of all tokens that were read.
  ///
  /// @param windows the text as the model reads it, from [TextFit#encode]
  /// @param pooled how the model makes a vector
  /// @param dimensions 0 for all
  public static PreparedTask<float[]> prepare(
      List<Encoding> windows, Readout.Pooled pooled, int dimensions, boolean normalize) {
    if (windows.size() > 1) {
      return PreparedTask.ofWindows(
          windows,
          pooled.scaled(false),
          outputs ->
              of(
                  of(WindowMean.of(windows, outputs), 0, pooled.normalize()),
                  dimensions,
                  normalize));
    }
    // The device scales where nothing comes in between.
    boolean atOnce = normalize && dimensions == 0;
    return PreparedTask.ofWindows(
        windows,
        pooled.scaled(atOnce || pooled.normalize()),
        outputs -> of(outputs.getFirst().getFirst().values(), dimensions, normalize && !atOnce));
  }

  /// The cosine of two vectors' angle, in [-1, 1]; 0 where one of them is all zeros.
  static double cosine(float[] a, float[] b) {
    double dot = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      dot += (double) a[i] * b[i];
      squaresA += (double) a[i] * a[i];
      squaresB += (double) b[i] * b[i];
    }
    return dot
        / (Math.max(Math.sqrt(squaresA), LEAST_LENGTH)
            * Math.max(Math.sqrt(squaresB), LEAST_LENGTH));
  }

  /// The first `dimensions` numbers of a pooled vector (Matryoshka), then scaled to length 1 if
  /// `normalize`: the order of sentence-transformers' `encode(truncate_dim, normalize_embeddings)`.
  /// For a vector that the kernels already scaled the result is the same but for rounding.
  ///
  /// @param pooled left as it is
  /// @param dimensions 0 for all
  /// @throws IllegalArgumentException if the vector has not so many
  public static float[] of(float[] pooled, int dimensions, boolean normalize) {
    if (dimensions < 0 || dimensions > pooled.length) {
      throw new IllegalArgumentException(
          "dimensions is %d; the model's vectors have %d: ask for 1 to %2$d, or 0 for all"
              .formatted(dimensions, pooled.length));
    }
    float[] vector = Arrays.copyOf(pooled, dimensions == 0 ? pooled.length : dimensions);
    if (normalize) {
      double squares = 0;
      for (float value : vector) {
        squares += (double) value * value;
      }
      double length = Math.max(Math.sqrt(squares), LEAST_LENGTH);
      for (int i = 0; i < vector.length; i++) {
        vector[i] = (float) (vector[i] / length);
      }
    }
    return vector;
  }
}
