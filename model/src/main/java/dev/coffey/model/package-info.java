/// A model folder loaded and run in-process: the entry for callers. May import `dev.coffey.kernels`
/// and the packages below it; no gRPC, no proto, no server.
@NullMarked
package dev.coffey.model;

import org.jspecify.annotations.NullMarked;
