package dev.coffey.model;

/// What the logits of a sequence classifier mean; `problem_type` in `config.json`.
public enum ProblemType {
  /// One label is right.
  SINGLE_LABEL_CLASSIFICATION,
  /// Each label is right or not, on its own.
  MULTI_LABEL_CLASSIFICATION,
  /// The numbers are the answer.
  REGRESSION
}
