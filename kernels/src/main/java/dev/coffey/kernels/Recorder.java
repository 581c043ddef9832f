package dev.coffey.kernels;

import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// Runs the same sequence of operations again and again, over batches of changing size.
///
/// A device that has a price for each launch records the sequence once for each of a few sizes and
/// then launches the record; others just run it. For a record to serve every batch that fits it,
/// its row counts are upper bounds, and the true ones are numbers on the device.
///
/// Owned, as its memory, by the thread that owns the [Kernels]; closed before the memory that it
/// works on.
public interface Recorder extends AutoCloseable {
  /// Records nothing.
  Recorder DIRECT =
      new Recorder() {
        @Override
        public boolean records() {
          return false;
        }

        @Override
        public <T> T run(Object key, List<Bound> bounds, Supplier<T> work) {
          return work.get();
        }

        @Override
        public <T> Optional<T> prepare(Object key, List<Bound> bounds, Supplier<T> work) {
          return Optional.empty();
        }

        @Override
        public void close() {}
      };

  /// A row count that differs between runs of one record.
  ///
  /// @param most the rows that the operations are called with; a record tells its counts apart by
  ///   this, so all of a record's are different
  /// @param count holds the true number, at most `most`, when the record is run
  record Bound(int most, Indices count) {}

  /// Whether work is recorded, so that it should be called with few different sizes.
  boolean records();

  /// Does what `work` does and gives its result: the tensors that it writes to.
  ///
  /// @param key stands for all that determines the calls in `work`: equal keys, same calls, same
  ///   arguments
  /// @param bounds of each row count in `work` that is more than the true one
  <T> T run(Object key, List<Bound> bounds, Supplier<T> work);

  /// Records `work` without doing it, so that a later [#run] takes neither time nor memory for it.
  ///
  /// @return what that will give; empty where nothing is recorded
  <T> Optional<T> prepare(Object key, List<Bound> bounds, Supplier<T> work);

  @Override
  void close();
}
