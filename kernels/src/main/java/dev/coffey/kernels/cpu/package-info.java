/// The backends that run on the machine's own processor: `ScalarKernels`, the definition of every
/// operation, and the SIMD backend. Imports [dev.coffey.kernels] and the JDK; only classes that the
/// SIMD provider loads may name `jdk.incubator.vector`, so that the others work in a JVM started
/// without it.
@NullMarked
package dev.coffey.kernels.cpu;

import org.jspecify.annotations.NullMarked;
