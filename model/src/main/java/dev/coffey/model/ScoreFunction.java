package dev.coffey.model;

/// What turns a classifier's logits into scores.
public enum ScoreFunction {
  /// The logits are the scores.
  NONE,
  /// Each label by itself.
  SIGMOID,
  /// Over all labels.
  SOFTMAX
}
