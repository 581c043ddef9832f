package dev.coffey.model;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.checkpoint.Checkpoint;
import dev.coffey.model.checkpoint.SentenceDense;
import dev.coffey.model.encoder.Linear;
import dev.coffey.model.encoder.ParameterReader;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// `y = norm(act(x·Wᵀ + b))`: what heads are made of.
///
/// @param bias (1, O), null for zeros
/// @param norm null for none
record Dense(
    PackedWeights weights, @Nullable Tensor bias, Activation activation, @Nullable Norm norm) {

  static Dense of(Linear linear, Activation activation) {
    return new Dense(linear.weights(), linear.bias(), activation, null);
  }

  /// Reads a module of sentence-transformers.
  ///
  /// @throws dev.coffey.model.checkpoint.CheckpointException if its weights are not what its config
  ///   says
  static Dense read(SentenceDense module, TensorArena arena) {
    try (Checkpoint checkpoint = Checkpoint.open(module.folder())) {
      ParameterReader parameters = new ParameterReader(checkpoint, UnaryOperator.identity(), arena);
      return new Dense(
          arena.pack(parameters.stored("linear.weight", module.outputs(), module.inputs())),
          module.bias() ? parameters.vector("linear.bias", module.outputs()) : null,
          module.activation(),
          null);
    }
  }

  int outputs() {
    return weights.outputs();
  }

  private void run(Kernels kernels, Tensor x, Tensor y) {
    kernels.linear(x, weights, bias, activation, y);
    if (norm != null) {
      kernels.norm(y, norm, y);
    }
  }

  /// How wide the scratch rows are that [#run(Kernels, List, Tensor, Tensor, Tensor)] needs: every
  /// layer but the last writes to one half of them and reads the other.
  static int scratchColumns(List<Dense> layers) {
    return layers.size() < 2 ? 0 : 2 * widestInner(layers);
  }

  /// Runs `layers` one after the other. x: (N,I) scratch: (N,scratchColumns), overwritten y: (N,O)
  ///
  /// @return `y`, or `x` where there are no layers
  static Tensor run(Kernels kernels, List<Dense> layers, Tensor x, Tensor scratch, Tensor y) {
    Tensor input = x;
    int half = layers.size() < 2 ? 0 : widestInner(layers);
    for (int i = 0; i < layers.size(); i++) {
      Dense layer = layers.get(i);
      Tensor output = i == layers.size() - 1 ? y : scratch.columns(i % 2 * half, layer.outputs());
      layer.run(kernels, input, output);
      input = output;
    }
    return input;
  }

  private static int widestInner(List<Dense> layers) {
    int widest = 0;
    for (Dense layer : layers.subList(0, layers.size() - 1)) {
      widest = Math.max(widest, layer.outputs());
    }
    return widest;
  }
}
