package dev.coffey.model;

import java.util.List;

/// Computes one ragged batch: for each text, one [Matrix] for each of its readouts, in order. What
/// the batcher calls and [TextModel] is.
@FunctionalInterface
public interface BatchRunner {
  /// Called by the device's owner thread only.
  List<List<Matrix>> run(List<TextInput> texts);
}
