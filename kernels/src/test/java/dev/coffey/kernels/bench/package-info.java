/// Measurements of the kernels, each with a `main` that `tools/bench` starts, or for JMH. May
/// import everything of this module.
@NullMarked
package dev.coffey.kernels.bench;

import org.jspecify.annotations.NullMarked;
