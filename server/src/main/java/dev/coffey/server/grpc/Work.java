package dev.coffey.server.grpc;

import dev.coffey.model.task.PreparedTask;
import dev.coffey.model.tokenize.TooLongException;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/// One item of a request, ready for the device, or the fault that is that item's own.
///
/// @param <R> the item's result
sealed interface Work<R> {
  record Ready<R>(PreparedTask<R> task) implements Work<R> {}

  record Faulty<R>(InvalidArgument fault) implements Work<R> {}

  /// Prepares an item.
  @FunctionalInterface
  interface Preparation<I, R> {
    /// What is to be computed for one item.
    ///
    /// @param field the item's path in the request
    /// @throws InvalidArgument for the item's own fault
    PreparedTask<R> prepare(I item, String field);
  }

  /// The work of each of `items`.
  ///
  /// @param field the path of the list in the request
  static <I, R> List<Work<R>> each(List<I> items, String field, Preparation<I, R> preparation) {
    List<Work<R>> works = new ArrayList<>(items.size());
    for (int i = 0; i < items.size(); i++) {
      try {
        works.add(new Ready<>(preparation.prepare(items.get(i), field + "[" + i + "]")));
      } catch (InvalidArgument fault) {
        works.add(new Faulty<>(fault));
      }
    }
    return works;
  }

  /// What `reading` returns. What it refuses is the fault of `field`.
  ///
  /// @throws InvalidArgument if it refuses
  static <T> T read(String field, Supplier<T> reading) {
    try {
      return reading.get();
    } catch (TooLongException | IllegalArgumentException e) {
      throw new InvalidArgument(field, String.valueOf(e.getMessage()));
    }
  }
}
