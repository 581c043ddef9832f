package dev.coffey.model.task;

/// A token that may stand where a mask is.
///
/// @param id the token's
/// @param token the token as text
/// @param score its probability among all tokens of the vocabulary, in [0, 1]
/// @param sentence the whole text with this mask filled
public record MaskCandidate(int id, String token, float score, String sentence) {}
