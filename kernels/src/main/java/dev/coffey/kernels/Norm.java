package dev.coffey.kernels;

/// A row-wise normalization with its learned parameters, each a (1, H) tensor.
///
/// LAYER: `weight·(x − mean)/√(variance + epsilon) + bias`, the variance in a second pass over `x −
/// mean`. AFFINE: `weight·x + bias` (MobileBERT's `NoNorm`); epsilon is not read.
public record Norm(Kind kind, Tensor weight, Tensor bias, float epsilon) {
  /// Which formula.
  public enum Kind {
    LAYER,
    AFFINE
  }

  public Norm {
    if (weight.rows() != 1 || bias.rows() != 1 || weight.columns() != bias.columns()) {
      throw new IllegalArgumentException(
          "norm: weight and bias must both be (1, H), got "
              + weight.shape()
              + " and "
              + bias.shape());
    }
  }

  /// The width H of the rows that this normalizes.
  public int columns() {
    return weight.columns();
  }
}
