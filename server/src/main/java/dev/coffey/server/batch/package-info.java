/// Gathers the texts of many requests into ragged batches for one device: admission, queues, the
/// cut, fair shares among models, the thread that owns the device. Decisions ([BatchPolicy],
/// `Admission`, `FairShare`, [BatchCost]) are pure; [Batcher] acts on them. May import
/// `dev.coffey.model`, `dev.coffey.server.failure` and the JDK: no gRPC, no config keys, no metrics
/// library.
@NullMarked
package dev.coffey.server.batch;

import org.jspecify.annotations.NullMarked;
