package dev.coffey.kernels;

import java.util.function.Consumer;

/// One of the batches that may be under way on a device at once: what keeps its way in and out
/// apart from the other's.
///
/// Between [#begin] and [#end] all calls of the [Kernels] are for this batch. The indices that they
/// upload to are the slot's own: no other batch's operations read them. Tensors may be shared,
/// since operations are done in the order of the calls.
///
/// Begun and ended by the thread that owns the [Kernels]; awaited by any one thread, also while
/// another slot's batch is begun.
public interface BatchSlot extends AutoCloseable {
  /// The next batch. The one before must have been awaited.
  void begin();

  /// Reads `source` once the operations before this are done, and gives its numbers, row after row,
  /// to `taker`: at once or in [#await], in the order of the calls.
  void fetch(Tensor source, Consumer<float[]> taker);

  /// The batch is with the device as a whole.
  void end();

  /// Waits until all that was fetched has been taken.
  void await();

  /// Ends a batch that failed in the middle: nothing of it will be taken.
  void abandon();

  @Override
  void close();
}
