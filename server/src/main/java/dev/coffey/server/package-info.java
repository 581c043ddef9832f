/// The process: `Main`, the Guice module that wires the packages below, and what it makes, an
/// [Engine]. May import every other module; only `cli` imports it.
@NullMarked
package dev.coffey.server;

import org.jspecify.annotations.NullMarked;
