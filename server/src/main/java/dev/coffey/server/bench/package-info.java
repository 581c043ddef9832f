/// What `coffey bench` measures and how it reports it: the kernels, the model, a server under load,
/// and others that do the same work. Measures and returns values; only the command line prints. May
/// import the server, the model, the kernels, the client and the protocols.
@NullMarked
package dev.coffey.server.bench;

import org.jspecify.annotations.NullMarked;
