/// The most that this processor does, measured: what the kernels' speed is a share of. Imports the
/// JDK only.
@NullMarked
package dev.coffey.kernels.peak;

import org.jspecify.annotations.NullMarked;
