/// The examples of the pages in `docs/`, compiled and run.
@NullMarked
package dev.coffey.server.docs;

import org.jspecify.annotations.NullMarked;
