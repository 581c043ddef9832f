/// The forward passes: one class a family, for every backend. Reads tensors from a checkpoint once,
/// and after that only calls [dev.coffey.kernels.Kernels]. May import `dev.coffey.kernels` and
/// `dev.coffey.model.checkpoint`; no tokenizer, no task.
@NullMarked
package dev.coffey.model.encoder;

import org.jspecify.annotations.NullMarked;
