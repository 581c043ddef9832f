/// Checkpoints made instead of downloaded: full-size weights computed from their names, for
/// benchmarks, self-tests and tests. Imports the JDK only.
@NullMarked
package dev.coffey.model.generated;

import org.jspecify.annotations.NullMarked;
