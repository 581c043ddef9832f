package dev.coffey.model.task;

import java.util.Optional;

/// An answer to a question.
///
/// @param score the probability of its start times that of its end; of answers that were merged the
///   sum, which can be more than 1 where windows overlap
/// @param span where it stands in the context; empty for "no answer"
public record Answer(float score, Optional<Span> span) {}
