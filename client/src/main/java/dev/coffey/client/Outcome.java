package dev.coffey.client;

/// What became of one text of a request: its value, or the fault of its own that it was refused
/// for. A bad text never fails its neighbours.
public sealed interface Outcome<T> {
  /// The value, with the tokens that the model read of the text and those that truncation cut.
  record Done<T>(T value, int tokensRead, int tokensCut) implements Outcome<T> {}

  /// The text's own fault.
  record Failed<T>(CoffeyException error) implements Outcome<T> {}

  /// The value.
  ///
  /// @throws CoffeyException if there is none
  default T get() {
    return switch (this) {
      case Done<T>(T value, int _, int _) -> value;
      case Failed<T>(CoffeyException error) -> throw error;
    };
  }
}
