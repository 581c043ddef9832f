/// Tensors and the operations that a forward pass is made of, and the choice of the backend that
/// runs them. May import the JDK only: no model, no tokenizer, no gRPC.
@NullMarked
package dev.coffey.kernels;

import org.jspecify.annotations.NullMarked;
