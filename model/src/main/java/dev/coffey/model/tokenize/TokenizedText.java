package dev.coffey.model.tokenize;

import java.util.List;

/// A text as the model reads it, with the place of each token in the text.
///
/// @param encoding what the model reads
/// @param tokens one for each id of `encoding`, in the same order
public record TokenizedText(Encoding encoding, List<Token> tokens) {}
