/// The models that a server has: loading, warming up, finding the right one for a request,
/// unloading. May import `dev.coffey.model`, `dev.coffey.kernels`, `dev.coffey.server.batch` and
/// `dev.coffey.server.failure`; knows no gRPC.
@NullMarked
package dev.coffey.server.registry;

import org.jspecify.annotations.NullMarked;
