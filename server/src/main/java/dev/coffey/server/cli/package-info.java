/// The command line: one class a command, and what they share. Everything from outside (streams,
/// environment, time of start) comes in as [Surroundings]. May import all packages of the server,
/// the client and picocli.
@NullMarked
package dev.coffey.server.cli;

import org.jspecify.annotations.NullMarked;
