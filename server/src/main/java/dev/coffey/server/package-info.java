/// The server: `Main`, and the Guice module that wires the packages below. May import every other
/// module; nobody imports it.
@NullMarked
package dev.coffey.server;

import org.jspecify.annotations.NullMarked;
