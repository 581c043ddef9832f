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

  /// BERT with embeddings of their own width, and layers that share their weights.
  ///
  /// @param embeddingSize width of the embeddings
  /// @param groups how many groups of layers have weights of their own
  /// @param innerLayers layers with weights of their own within a group
  record Albert(int embeddingSize, int groups, int innerLayers) implements Family {
    @Override
    public String modelType() {
      return "albert";
    }
  }

  /// BERT with narrow layers between wide states.
  ///
  /// @param embeddingSize width of the word embeddings
  /// @param layerWidth width of what runs through a layer
  /// @param trigrams whether a token's embedding is joined with those of its neighbours
  /// @param bottleneck whether a layer narrows the states to its own width and widens them again
  /// @param attention what queries, keys and values are made of
  /// @param feedForwards feed-forward networks in a layer
  /// @param layerNorms whether norms are layer norms, not MobileBERT's own `w·x + b`
  /// @param poolerLayer whether the pooler has a layer of its own; without, it gives the first
  ///   token's state as it is
  record MobileBert(
      int embeddingSize,
      int layerWidth,
      boolean trigrams,
      boolean bottleneck,
      Attention attention,
      int feedForwards,
      boolean layerNorms,
      boolean poolerLayer)
      implements Family {
    /// What attention reads.
    public enum Attention {
      /// All three are of the wide states.
      STATES,
      /// All three are of the bottleneck's input.
      BOTTLENECK,
      /// Queries and keys are of a narrow projection of their own, values of the wide states.
      SHARED
    }

    @Override
    public String modelType() {
      return "mobilebert";
    }
  }
}
