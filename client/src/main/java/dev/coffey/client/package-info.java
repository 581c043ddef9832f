/// The thin Java client of a Coffey server. May import the generated protos and grpc; no model, no
/// server.
@NullMarked
package dev.coffey.client;

import org.jspecify.annotations.NullMarked;
