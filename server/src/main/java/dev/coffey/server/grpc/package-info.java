/// The gRPC face of the server: one class a service, and around them what all calls share: strict
/// decoding, the gate, the handler threads, statuses, health. May import gRPC, `dev.coffey.proto`,
/// `dev.coffey.model` and the server's other packages except `config` and `cli`.
@NullMarked
package dev.coffey.server.grpc;

import org.jspecify.annotations.NullMarked;
