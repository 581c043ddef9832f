package dev.coffey.server.registry;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.checkpoint.SentenceConfig;
import java.util.List;
import java.util.Optional;

/// How a model's folder makes one vector of a text, where a request does not say.
///
/// @param poolings concatenated in this order; at least one
/// @param dense whether the pooled vector goes through Dense layers of the folder
/// @param normalize whether the vector is scaled to length 1
/// @param prompt put before every text; empty for none
/// @param sentence whether the folder says so itself, as sentence-transformers' folders do; else
///   these are the mean and no scaling, which is what sentence-transformers makes of a plain folder
/// @param unsupported modules of the folder's own chain that are not run here: unless this is
///   empty, there is no default
public record EmbeddingDefaults(
    List<Pooling> poolings,
    boolean dense,
    boolean normalize,
    String prompt,
    boolean sentence,
    List<String> unsupported) {

  static EmbeddingDefaults of(Optional<SentenceConfig> sentence) {
    return sentence
        .map(config ->
            new EmbeddingDefaults(
                config.poolings(),
                !config.dense().isEmpty(),
                config.normalize(),
                config.defaultPrompt().map(name -> config.prompts().get(name)).orElse(""),
                true,
                config.unsupported()))
        .orElse(new EmbeddingDefaults(List.of(Pooling.MEAN), false, false, "", false, List.of()));
  }
}
