/// The server's settings: every key with its type, limits, default and meaning ([Keys]), the
/// records that the rest of the server reads ([ServerConfig] and its sections), and how a file, the
/// environment and flags become them. May import `dev.coffey.server.names` and the JDK; reads no
/// environment itself.
@NullMarked
package dev.coffey.server.config;

import org.jspecify.annotations.NullMarked;
