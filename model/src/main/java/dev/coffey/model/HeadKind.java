package dev.coffey.model;

/// What a checkpoint computes on top of its encoder.
public enum HeadKind {
  /// Nothing: hidden states only.
  NONE,
  /// One row of labels a text.
  SEQUENCE_CLASSIFICATION,
  /// One row of labels a token.
  TOKEN_CLASSIFICATION,
  /// A start and an end score a token.
  QUESTION_ANSWERING,
  /// One row over the vocabulary a token.
  MASKED_LM
}
