/// Measurements that a person starts (`tools/bench`): the model against its peers in one run. No
/// test runs them.
@NullMarked
package dev.coffey.model.bench;

import org.jspecify.annotations.NullMarked;
