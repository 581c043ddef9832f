package dev.coffey.model.task;

/// A document's place in a ranking.
///
/// @param index its place in the given list
/// @param score its relevance; more is better
public record Ranked(int index, float score) {}
