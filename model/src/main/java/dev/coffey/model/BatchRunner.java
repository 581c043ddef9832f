package dev.coffey.model;

import java.util.List;

/// Computes ragged batches: for each text, one [Matrix] for each of its readouts, in order. What
/// the batcher calls and [TextModel] is.
///
/// A device that works by itself is given the next batch while it computes one: [#start] returns
/// when the batch is with the device, [Batch#finish] waits for it.
@FunctionalInterface
public interface BatchRunner {
  /// A batch that was begun.
  @FunctionalInterface
  interface Batch {
    /// Waits until the batch is computed and gives its results. Called once for every batch, by any
    /// thread, also while others begin or finish other batches.
    List<List<Matrix>> finish();
  }

  /// Computes a batch. Called by the device's owner thread only.
  List<List<Matrix>> run(List<TextInput> texts);

  /// Begins a batch behind those that were begun before. Called by the device's owner only: by one
  /// thread at a time, and as long as no more batches are begun and not finished than the device
  /// takes. By default it is computed at once.
  default Batch start(List<TextInput> texts) {
    List<List<Matrix>> outputs = run(texts);
    return () -> outputs;
  }
}
