/// Measurements that a person starts against a running server (`tools/bench`). No test runs them.
@NullMarked
package dev.coffey.server.bench;

import org.jspecify.annotations.NullMarked;
