package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Pooling;

/// The numbers by which kernels know a choice.
final class Codes {
  private Codes() {}

  static int of(Activation activation) {
    return switch (activation) {
      case NONE -> 0;
      case GELU_ERF -> 1;
      case GELU_TANH -> 2;
      case RELU -> 3;
      case TANH -> 4;
    };
  }

  static int of(Norm.Kind kind) {
    return switch (kind) {
      case LAYER -> 0;
      case AFFINE -> 1;
    };
  }

  static int of(Pooling pooling) {
    return switch (pooling) {
      case CLS -> 0;
      case MEAN -> 1;
      case MAX -> 2;
      case MEAN_SQRT_LEN -> 3;
      case WEIGHTED_MEAN -> 4;
      case LAST_TOKEN -> 5;
    };
  }
}
