/// What a model's numbers mean: logits to labels, pooled vectors to embeddings. Plain functions of
/// numbers, on the host, with no device and no request in them. May import `dev.coffey.model` and
/// `dev.coffey.model.tokenize`.
@NullMarked
package dev.coffey.model.task;

import org.jspecify.annotations.NullMarked;
