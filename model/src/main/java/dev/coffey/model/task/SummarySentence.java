package dev.coffey.model.task;

/// A sentence that was chosen for a summary.
///
/// @param score how central it is: the mean of its vector's cosines to those of all sentences of
///   the text, itself included; in [-1, 1]
/// @param span where it stands in the text
public record SummarySentence(float score, Span span) {}
