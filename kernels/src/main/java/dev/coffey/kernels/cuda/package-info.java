/// The CUDA backend: our own kernels, launched through the CUDA driver API. May import
/// `dev.coffey.kernels` and the JDK; JCuda in the one class that binds it, so that a machine
/// without a driver never loads it.
@NullMarked
package dev.coffey.kernels.cuda;

import org.jspecify.annotations.NullMarked;
