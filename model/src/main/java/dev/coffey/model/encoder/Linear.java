package dev.coffey.model.encoder;

import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;

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
}
