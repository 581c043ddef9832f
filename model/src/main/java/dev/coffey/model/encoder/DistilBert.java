package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// DistilBERT: Sanh, Debut, Chaumond, Wolf, "DistilBERT, a distilled version of BERT" (2019). A
/// [Transformer] with no segments; in Hugging Face `DistilBertModel`.
final class DistilBert {
  private DistilBert() {}

  static Encoder read(Kernels kernels, ModelConfig config, ParameterReader parameters) {
    List<List<TransformerLayer>> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(List.of(layer(config, parameters, "transformer.layer." + i)));
    }
    return new Transformer(
        kernels, config, Embeddings.read(parameters, config, config.dim()), null, layers);
  }

  private static TransformerLayer layer(
      ModelConfig config, ParameterReader parameters, String name) {
    int hidden = config.dim();
    int feedForward = config.hiddenDim();
    float epsilon = config.layerNormEpsilon();
    String attention = name + ".attention";
    return new TransformerLayer(
        parameters.stackedLinear(
            hidden, hidden, attention + ".q_lin", attention + ".k_lin", attention + ".v_lin"),
        parameters.linear(attention + ".out_lin", hidden, hidden),
        parameters.layerNorm(name + ".sa_layer_norm", hidden, epsilon),
        parameters.linear(name + ".ffn.lin1", feedForward, hidden),
        parameters.linear(name + ".ffn.lin2", hidden, feedForward),
        parameters.layerNorm(name + ".output_layer_norm", hidden, epsilon));
  }
}
