/// The tasks of an encoder, each in two halves: a [dev.coffey.model.task.PreparedTask] has the
/// inputs that a model is to compute for one item of a request, and makes the answer of its
/// numbers. Plain functions on the host, with no device, no thread and no request in them, so that
/// a process can run them at once and a server can put its batcher in between. May import
/// `dev.coffey.model` and `dev.coffey.model.tokenize`.
@NullMarked
package dev.coffey.model.task;

import org.jspecify.annotations.NullMarked;
