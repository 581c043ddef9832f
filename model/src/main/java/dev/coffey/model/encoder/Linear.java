package dev.coffey.model.encoder;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/// The parameters of `x·Wᵀ + b`, perhaps of several such maps of one input stacked into one (query,
/// key and value); in Hugging Face `nn.Linear`.
///
/// @param weights (O, I), stacked maps below each other
/// @param bias (1, O)
public record Linear(PackedWeights weights, Tensor bias) {
  /// The stacked maps `from` (included) to `to` (excluded), which must all be of the same width.
  Linear parts(int from, int to) {
    int outputs = weights.outputs() / weights.parts();
    return new Linear(weights.parts(from, to), bias.columns(from * outputs, (to - from) * outputs));
  }

  /// `y = x·Wᵀ + b`
  void run(Kernels kernels, Tensor x, Tensor y) {
    run(kernels, x, Activation.NONE, y);
  }

  /// `y = act(x·Wᵀ + b)`
  void run(Kernels kernels, Tensor x, Activation activation, Tensor y) {
    kernels.linear(x, weights, bias, activation, y);
  }

  /// `y = norm(x·Wᵀ + b (+ residual))`. `y` may be `residual`.
  void runAddNorm(Kernels kernels, Tensor x, @Nullable Tensor residual, Norm norm, Tensor y) {
    kernels.linearAddNorm(x, weights, bias, residual, norm, y);
  }
}
