/// The server's settings: every key with its type, limits, default and meaning ([Keys]), the
/// records that the rest of the server reads ([ServerConfig]), and how a file, the environment and
/// flags become them. May import the packages whose settings it reads and
/// `dev.coffey.server.names`; reads no environment itself.
@NullMarked
package dev.coffey.server.config;

import org.jspecify.annotations.NullMarked;
