package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// A file of data that a model is asked about, and how good the answers are.
interface Evaluation {
  /// How many items there are.
  int size();

  /// Asks about the items from `from` to `to` (exclusive).
  CompletableFuture<? extends Answered> ask(CoffeyClient client, String model, int from, int to);

  /// The metrics of all that was noted, by name, in the order in which they are shown.
  Map<String, Double> metrics();

  /// The answers of a request.
  interface Answered {
    /// Notes them; called in the order of the items.
    Noted note();
  }

  /// What was noted.
  ///
  /// @param failed items that were not answered, and count as wrong
  /// @param cut items that truncation shortened
  record Noted(int failed, int cut) {
    Noted plus(Noted other) {
      return new Noted(failed + other.failed, cut + other.cut);
    }
  }
}
