package dev.coffey.kernels;

/// The function that [Kernels#linear] applies to each output, named by its mathematics.
public enum Activation {
  /// `x`
  NONE,
  /// `x·Φ(x) = x/2·(1 + erf(x/√2))`: Hugging Face's `gelu`.
  GELU_ERF,
  /// `x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`: Hugging Face's `gelu_new` and `gelu_pytorch_tanh`.
  GELU_TANH,
  /// `max(x, 0)`; NaN stays NaN.
  RELU,
  /// `tanh(x)`
  TANH
}
