package dev.coffey.model;

/// Which encoder a checkpoint holds, and what only the config of that family says.
public sealed interface Family {
  /// `model_type` in `config.json`.
  String modelType();

  /// BERT with half the layers, no segments and no pooler.
  ///
  /// @param sinusoidalPositions whether the position table was computed, not learned; it is in the
  ///   checkpoint either way
  record DistilBert(boolean sinusoidalPositions) implements Family {
    @Override
    public String modelType() {
      return "distilbert";
    }
  }

  /// The original, which the others change.
  record Bert() implements Family {
    @Override
    public String modelType() {
      return "bert";
    }
  }
}
