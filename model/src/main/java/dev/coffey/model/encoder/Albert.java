package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.model.Family;
import dev.coffey.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// ALBERT: Lan, Chen, Goodman, Gimpel, Sharma, Soricut, "ALBERT: A lite BERT for self-supervised
/// learning of language representations" (2019). A [Transformer] whose embeddings are narrower than
/// its layers, and whose layers share weights by groups; in Hugging Face `AlbertModel`.
final class Albert {
  private Albert() {}

  static Encoder read(
      Kernels kernels, ModelConfig config, Family.Albert family, ParameterReader parameters) {
    List<List<TransformerLayer>> groups = new ArrayList<>();
    for (int g = 0; g < family.groups(); g++) {
      List<TransformerLayer> group = new ArrayList<>();
      for (int i = 0; i < family.innerLayers(); i++) {
        String name = "encoder.albert_layer_groups.%d.albert_layers.%d".formatted(g, i);
        group.add(layer(config, parameters, name));
      }
      groups.add(group);
    }
    List<List<TransformerLayer>> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(groups.get(group(i, config.layers(), family.groups())));
    }
    return new Transformer(
        kernels,
        config,
        Embeddings.read(parameters, config, family.embeddingSize()),
        parameters.linear(
            "encoder.embedding_hidden_mapping_in", config.dim(), family.embeddingSize()),
        layers);
  }

  /// The group of layer `i`, divided as Hugging Face does it: in floating point.
  private static int group(int i, int layers, int groups) {
    return (int) (i / ((double) layers / groups));
  }

  private static TransformerLayer layer(
      ModelConfig config, ParameterReader parameters, String name) {
    int hidden = config.dim();
    int feedForward = config.hiddenDim();
    float epsilon = config.layerNormEpsilon();
    String attention = name + ".attention";
    return new TransformerLayer(
        parameters.stackedLinear(
            hidden, hidden, attention + ".query", attention + ".key", attention + ".value"),
        parameters.linear(attention + ".dense", hidden, hidden),
        parameters.layerNorm(attention + ".LayerNorm", hidden, epsilon),
        parameters.linear(name + ".ffn", feedForward, hidden),
        parameters.linear(name + ".ffn_output", hidden, feedForward),
        parameters.layerNorm(name + ".full_layer_layer_norm", hidden, epsilon));
  }
}
