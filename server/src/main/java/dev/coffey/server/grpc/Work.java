package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// What one item of a request needs of the device, and what to make of it; or the fault that is
/// that item's own.
///
/// @param <R> the item's result
sealed interface Work<R> {
  /// It can be done.
  ///
  /// @param texts in any number: the windows of a context, a pair for each label
  /// @param cut tokens that truncation left out
  /// @param finish makes the result of what the device computed, a list of matrices for each text;
  ///   may throw [InvalidArgument]
  record Ready<R>(List<TextInput> texts, int cut, Function<List<List<Matrix>>, R> finish)
      implements Work<R> {}

  record Faulty<R>(InvalidArgument fault) implements Work<R> {}

  /// Makes the work of an item.
  @FunctionalInterface
  interface Preparation<I, R> {
    /// The work of one item.
    ///
    /// @param field the item's path in the request
    /// @throws InvalidArgument for the item's own fault
    Ready<R> prepare(I item, String field);
  }

  /// The work of each of `items`.
  ///
  /// @param field the path of the list in the request
  static <I, R> List<Work<R>> each(List<I> items, String field, Preparation<I, R> preparation) {
    List<Work<R>> works = new ArrayList<>(items.size());
    for (int i = 0; i < items.size(); i++) {
      try {
        works.add(preparation.prepare(items.get(i), field + "[" + i + "]"));
      } catch (InvalidArgument fault) {
        works.add(new Faulty<>(fault));
      }
    }
    return works;
  }
}
