package dev.coffey.server.grpc;

import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/// Ends unary calls: with the answer once it is there, or with the status of whatever went wrong.
final class Replies {
  private Replies() {}

  /// Sends what `work` returns.
  static <T> void now(StreamObserver<T> observer, Supplier<T> work) {
    T answer;
    try {
      answer = work.get();
    } catch (RuntimeException | Error e) {
      observer.onError(StatusMapper.error(e));
      return;
    }
    observer.onNext(answer);
    observer.onCompleted();
  }

  /// Sends what the stage that `work` returns ends with, on the thread that ends it. No thread
  /// waits meanwhile.
  static <T> void later(StreamObserver<T> observer, Supplier<CompletionStage<T>> work) {
    CompletionStage<T> stage;
    try {
      stage = work.get();
    } catch (RuntimeException | Error e) {
      observer.onError(StatusMapper.error(e));
      return;
    }
    var _ =
        stage.whenComplete((answer, failure) -> {
          if (failure == null) {
            now(observer, () -> answer);
          } else {
            observer.onError(StatusMapper.error(failure));
          }
        });
  }
}
