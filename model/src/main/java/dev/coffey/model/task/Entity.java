package dev.coffey.model.task;

/// A tagged piece of a text.
///
/// @param label without B- and I-, unless every token was to be an entity
/// @param score the mean of the scores of its tokens or words, in [0, 1]
/// @param word its tokens as the tokenizer joins them, in its lower case and without its accents if
///   it drops them; of a token alone the piece itself, such as `##ing`
/// @param span where it stands in the text
public record Entity(String label, float score, String word, Span span) {}
