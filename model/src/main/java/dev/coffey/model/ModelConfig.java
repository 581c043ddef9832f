package dev.coffey.model;

import dev.coffey.kernels.Activation;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/// What `config.json` says of a model, checked: every number is in range, the width that attention
/// runs on is a multiple of `heads`.
///
/// @param family which encoder, and what only its config has
/// @param architectures the classes that the checkpoint was saved from; may be empty
/// @param dim width of the hidden states
/// @param hiddenDim width of the feed-forward layer
/// @param layers number of encoder layers; may be 0
/// @param heads attention heads
/// @param maxPositions rows of the position table: the longest text in tokens
/// @param vocabSize rows of the word table
/// @param tokenTypes rows of the segment table; 0 where the family has none
/// @param activation of the feed-forward layer
/// @param tiedWordEmbeddings whether a masked-LM head may use the word table as its output weights
/// @param padTokenId the word table's row for padding, if the model has one
/// @param declaredProblemType `problem_type` as the file has it; empty if it has none
/// @param labels a label name for each output of a classifier, by id
/// @param layerNormEpsilon of every layer norm, but for those that a family's code fixes
public record ModelConfig(
    Family family,
    List<String> architectures,
    int dim,
    int hiddenDim,
    int layers,
    int heads,
    int maxPositions,
    int vocabSize,
    int tokenTypes,
    Activation activation,
    boolean tiedWordEmbeddings,
    OptionalInt padTokenId,
    Optional<ProblemType> declaredProblemType,
    List<String> labels,
    float layerNormEpsilon) {

  public ModelConfig {
    architectures = List.copyOf(architectures);
    labels = List.copyOf(labels);
  }

  /// The family's name, as `model_type` has it.
  public String modelType() {
    return family.modelType();
  }

  /// What the logits mean; where the file does not say, one label is a regression, as in Hugging
  /// Face's models.
  public ProblemType problemType() {
    return declaredProblemType.orElse(
        labels.size() == 1 ? ProblemType.REGRESSION : ProblemType.SINGLE_LABEL_CLASSIFICATION);
  }

  /// How Hugging Face's pipelines score when not told: by `problem_type` where the file has one.
  /// Without one, a single label is a sigmoid, although its model class would train it as a
  /// regression.
  public ScoreFunction scoreFunction() {
    boolean regression = declaredProblemType.equals(Optional.of(ProblemType.REGRESSION));
    boolean multiLabel =
        declaredProblemType.equals(Optional.of(ProblemType.MULTI_LABEL_CLASSIFICATION));
    if (regression) {
      return ScoreFunction.NONE;
    }
    return multiLabel || labels.size() == 1 ? ScoreFunction.SIGMOID : ScoreFunction.SOFTMAX;
  }
}
