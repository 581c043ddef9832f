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
  MASKED_LM,
  /// Whether the second text follows the first: one row of two a text.
  NEXT_SENTENCE,
  /// A masked LM and, from the first token, whether the texts of a pair belong together.
  PRETRAINING
}
