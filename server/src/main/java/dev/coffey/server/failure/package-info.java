/// The ways in which a request can fail, as one sealed type. Imports the JDK only.
@NullMarked
package dev.coffey.server.failure;

import org.jspecify.annotations.NullMarked;
