package dev.coffey.model.task;

/// How tagged tokens become entities: the strategies of Hugging Face's token-classification
/// pipeline.
public enum Aggregation {
  /// Every token is an entity of its own.
  NONE,
  /// Neighbours of the same label are joined: I- goes on with what B- or I- began; B- begins anew.
  SIMPLE,
  /// As SIMPLE with whole words; a word has the label and score of its first token.
  FIRST,
  /// As SIMPLE with whole words; a word has the label whose mean score over its tokens is best.
  AVERAGE,
  /// As SIMPLE with whole words; a word has the label and score of its surest token.
  MAX
}
