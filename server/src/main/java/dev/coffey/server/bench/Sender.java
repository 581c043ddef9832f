package dev.coffey.server.bench;

import io.grpc.Status;
import java.util.function.Consumer;

/// Where the requests of a load go.
interface Sender {
  /// How many different requests there are.
  int requests();

  /// How many tokens a request has.
  int tokens(int request);

  /// Sends one and returns at once.
  ///
  /// @param deadlineNanos from now; 0 for none
  /// @param ended told once how it ended, on any thread
  void send(int request, long deadlineNanos, Consumer<Status> ended);
}
