package dev.coffey.model.task;

/// One label of a classifier and its score.
///
/// @param index the label's place in the config's `id2label`, which is the logit's
/// @param label its name
/// @param score in the range of the [dev.coffey.model.ScoreFunction] that was used
public record LabelScore(int index, String label, float score) {}
