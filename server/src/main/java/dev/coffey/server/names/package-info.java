/// What someone may have meant who wrote a name that is none. Imports the JDK only.
@NullMarked
package dev.coffey.server.names;

import org.jspecify.annotations.NullMarked;
