package dev.coffey.model.task;

import java.util.Arrays;

/// Pooled vectors as embeddings.
public final class Embedding {
  /// Below this length a vector is divided by this instead, as torch's `normalize` does: zeros stay
  /// zeros.
  private static final double LEAST_LENGTH = 1e-12;

  private Embedding() {}

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
