package dev.coffey.kernels;

/// How [Kernels#pool] makes one row of a text's rows; the modes of sentence-transformers'
/// `Pooling`.
public enum Pooling {
  /// The text's first row.
  CLS,
  /// `Σ x[i] / n`
  MEAN,
  /// `max x[i]`, column by column.
  MAX,
  /// `Σ x[i] / √n`
  MEAN_SQRT_LEN,
  /// `Σ (i+1)·x[i] / Σ (i+1)`, i counted from 0 within the text.
  WEIGHTED_MEAN,
  /// The text's last row.
  LAST_TOKEN
}
