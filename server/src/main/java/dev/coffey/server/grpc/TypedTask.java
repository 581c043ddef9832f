package dev.coffey.server.grpc;

import java.util.concurrent.CompletionStage;

/// One task of the typed API, whether its request came as a call of its own or on a stream.
///
/// @param <Q> the request
/// @param <S> the response
@FunctionalInterface
interface TypedTask<Q, S> {
  /// The response to a request of the call in progress, whose deadline and cancellation hold. A
  /// fault of the request as a whole is thrown, or ends the stage.
  CompletionStage<S> answer(Q request);
}
