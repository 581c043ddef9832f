package dev.coffey.model;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.checkpoint.Checkpoint;
import dev.coffey.model.checkpoint.CheckpointException;
import dev.coffey.model.checkpoint.SentenceConfig;
import dev.coffey.model.checkpoint.SentenceDense;
import dev.coffey.model.encoder.Linear;
import dev.coffey.model.encoder.ParameterReader;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/// `y = norm(act(x·Wᵀ + b))`: what heads are made of.
///
/// @param bias (1, O), null for zeros
/// @param norm null for none
record Dense(
    PackedWeights weights, @Nullable Tensor bias, Activation activation, @Nullable Norm norm) {
  /// Numbers of 16 bits in 16 bytes.
  private static final int ALIGNED = 8;

  static Dense of(Linear linear, Activation activation) {
    return new Dense(linear.weights(), linear.bias(), activation, null);
  }

  /// Reads the Dense modules of a sentence-transformers folder.
  ///
  /// @param hidden width of what is pooled
  /// @throws CheckpointException if one does not fit what comes before it, or its weights are not
  ///   what its config says
  static List<Dense> read(SentenceConfig sentence, int hidden, TensorArena arena) {
    List<Dense> layers = new ArrayList<>();
    int width = hidden * sentence.readout().poolings().size();
    for (SentenceDense module : sentence.dense()) {
      if (module.inputs() != width) {
        throw new CheckpointException(
            CheckpointException.Problem.BAD_CONFIG,
            module.folder(),
            "in_features: %d, but the modules before it give vectors of %d numbers"
                .formatted(module.inputs(), width));
      }
      layers.add(read(module, arena));
      width = module.outputs();
    }
    return layers;
  }

  private static Dense read(SentenceDense module, TensorArena arena) {
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

  /// Padded, so that both halves of the scratch rows begin where rows may: at 16 bytes.
  private static int widestInner(List<Dense> layers) {
    int widest = 0;
    for (Dense layer : layers.subList(0, layers.size() - 1)) {
      widest = Math.max(widest, layer.outputs());
    }
    return Math.ceilDiv(widest, ALIGNED) * ALIGNED;
  }
}
