package dev.coffey.model;

/// Where a result goes.
///
/// @param results of a text, by readout
/// @param text its place in the batch
@SuppressWarnings("ArrayRecordComponent") // the array is the place, not a value
record Slot(Matrix[] results, int readout, int text) {
  void set(Matrix value) {
    results[readout] = value;
  }
}
