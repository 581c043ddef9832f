package dev.coffey.server.registry;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.Readout;
import dev.coffey.model.checkpoint.SentenceConfig;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/// How a model's folder makes one vector of a text, where a request does not say.
///
/// @param poolings concatenated in this order; at least one
/// @param dense whether the pooled vector goes through Dense layers of the folder
/// @param normalize whether the vector is scaled to length 1
/// @param prompt put before every text; empty for none
/// @param prompts the folder's prompts by name
/// @param sentence whether the folder says so itself, as sentence-transformers' folders do; else
///   these are the mean and no scaling, which is what sentence-transformers makes of a plain folder
/// @param unsupported modules of the folder's own chain that are not run here: unless this is
///   empty, there is no default
public record EmbeddingDefaults(
    List<Pooling> poolings,
    boolean dense,
    boolean normalize,
    String prompt,
    Map<String, String> prompts,
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
                config.prompts(),
                true,
                config.unsupported()))
        .orElse(
            new EmbeddingDefaults(
                List.of(Pooling.MEAN), false, false, "", Map.of(), false, List.of()));
  }

  /// What makes the vector.
  public Readout.Pooled pooled() {
    return new Readout.Pooled(poolings, dense, normalize);
  }

  /// What sentence-transformers puts before a query: the prompt of that name, else the default.
  public String queryPrompt() {
    return prompts.getOrDefault("query", prompt);
  }

  /// What sentence-transformers puts before a document: the first of the prompts of these names,
  /// else the default.
  public String documentPrompt() {
    return Stream.of("document", "passage", "corpus")
        .map(prompts::get)
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(prompt);
  }
}
