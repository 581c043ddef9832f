package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.Family;
import dev.coffey.model.ModelConfig;

/// A stack of transformer layers with its weights on a device: token ids in, one hidden state a row
/// out.
public interface Encoder {
  /// Reads the weights of the config's family, by the names of Hugging Face's model class without
  /// the prefix that a model with a head puts before them.
  static Encoder read(Kernels kernels, ModelConfig config, ParameterReader parameters) {
    return switch (config.family()) {
      case Family.DistilBert _ -> DistilBert.read(kernels, config, parameters);
      case Family.Bert() -> Bert.read(kernels, config, parameters);
      case Family.Albert family -> Albert.read(kernels, config, family, parameters);
      case Family.MobileBert family -> MobileBert.read(kernels, config, family, parameters);
    };
  }

  /// Takes the memory that batches of up to `maxTokens` tokens need from `arena`, so that running
  /// them takes none.
  ForwardPass plan(TensorArena arena, int maxTokens);
}
