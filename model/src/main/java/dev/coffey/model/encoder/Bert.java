package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// BERT: Devlin, Chang, Lee, Toutanova, "BERT: Pre-training of deep bidirectional transformers for
/// language understanding" (2018). A [Transformer] with segments; in Hugging Face `BertModel`.
final class Bert {
  private Bert() {}

  static Encoder read(Kernels kernels, ModelConfig config, ParameterReader parameters) {
    List<List<TransformerLayer>> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(List.of(layer(config, parameters, "encoder.layer." + i)));
    }
    return new Transformer(
        kernels, config, Embeddings.read(parameters, config, config.dim()), null, layers);
  }

  private static TransformerLayer layer(
      ModelConfig config, ParameterReader parameters, String name) {
    int hidden = config.dim();
    int feedForward = config.hiddenDim();
    float epsilon = config.layerNormEpsilon();
    String self = name + ".attention.self";
    String attended = name + ".attention.output";
    return new TransformerLayer(
        parameters.stackedLinear(hidden, hidden, self + ".query", self + ".key", self + ".value"),
        parameters.linear(attended + ".dense", hidden, hidden),
        parameters.layerNorm(attended + ".LayerNorm", hidden, epsilon),
        parameters.linear(name + ".intermediate.dense", feedForward, hidden),
        parameters.linear(name + ".output.dense", hidden, feedForward),
        parameters.layerNorm(name + ".output.LayerNorm", hidden, epsilon));
  }
}
