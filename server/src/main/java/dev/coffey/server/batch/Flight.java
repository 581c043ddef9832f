package dev.coffey.server.batch;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.TextInput;
import dev.coffey.server.batch.Decision.Cut;
import dev.coffey.server.batch.Decision.Slice;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A batch on its way through a device. Its lane's thread owns it.
final class Flight {
  final ModelQueue queue;
  final Cut<PendingRequest> cut;

  /// Tokens of requests that had ended when it was cut.
  final long useless;

  /// The batch on the device; null where it could not be begun.
  BatchRunner.@Nullable Batch batch;

  /// Why it could not be begun.
  @Nullable Throwable fault;

  Flight(ModelQueue queue, Cut<PendingRequest> cut, long useless) {
    this.queue = queue;
    this.cut = cut;
    this.useless = useless;
  }

  List<TextInput> texts() {
    List<TextInput> texts = new ArrayList<>(cut.texts());
    for (Slice<PendingRequest> slice : cut.slices()) {
      for (int i = slice.from(); i < slice.to(); i++) {
        texts.add(slice.request().text(i));
      }
    }
    return texts;
  }
}
