package dev.coffey.client;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// One unary call with its retries, all within one deadline. Attempts follow one another, so that
/// at most one is open; cancelling the future cancels it.
final class Call<Q, S> {
  private final Connection connection;
  private final MethodDescriptor<Q, S> method;
  private final Q request;
  private final Deadline deadline;
  private final Context context = Context.current();
  private final CompletableFuture<S> result = new CompletableFuture<>();
  private volatile @Nullable ClientCall<Q, S> open;

  private Call(Connection connection, MethodDescriptor<Q, S> method, Q request, Deadline deadline) {
    this.connection = connection;
    this.method = method;
    this.request = request;
    this.deadline = deadline;
  }

  static <Q, S> CompletableFuture<S> start(
      Connection connection, MethodDescriptor<Q, S> method, Q request, Duration timeout) {
    Deadline deadline = Deadline.after(timeout.toNanos(), TimeUnit.NANOSECONDS);
    Call<Q, S> call = new Call<>(connection, method, request, deadline);
    var _ = call.result.whenComplete((_, _) -> call.cancelIfAbandoned());
    call.attempt(1);
    return call.result;
  }

  private void attempt(int number) {
    if (result.isDone()) {
      return;
    }
    ClientCall<Q, S> attempt =
        connection.channel().newCall(method, CallOptions.DEFAULT.withDeadline(deadline));
    open = attempt;
    StreamObserver<S> observer =
        new StreamObserver<>() {
          private @Nullable S value;

          @Override
          public void onNext(S message) {
            value = message;
          }

          @Override
          public void onError(Throwable failure) {
            failed(number, CoffeyException.ofCall(connection.target(), failure));
          }

          @Override
          public void onCompleted() {
            if (value == null) {
              failed(
                  number,
                  CoffeyException.ofClient(Status.Code.INTERNAL, "the server sent no answer"));
            } else {
              connection.budget().earn();
              result.complete(value);
            }
          }
        };
    // The caller's gRPC context (its deadline, its cancellation) holds for every attempt, on
    // whatever thread.
    context.run(() -> ClientCalls.asyncUnaryCall(attempt, request, observer));
    cancelIfAbandoned();
  }

  private void failed(int number, CoffeyException failure) {
    Duration timeLeft = Duration.ofNanos(deadline.timeRemaining(TimeUnit.NANOSECONDS));
    Optional<Duration> delay =
        connection.isShutdown()
            ? Optional.empty()
            : connection.retry().delay(number, failure, timeLeft, ThreadLocalRandom.current());
    if (delay.isEmpty() || !connection.budget().spend()) {
      result.completeExceptionally(failure);
      return;
    }
    CompletableFuture.delayedExecutor(delay.get().toNanos(), TimeUnit.NANOSECONDS)
        .execute(() -> {
          if (RetryPolicy.isOutage(failure)) {
            // Else the channel, which waits a second or more between its own tries to connect,
            // fails this one
            // without having tried.
            connection.channel().resetConnectBackoff();
          }
          attempt(number + 1);
        });
  }

  private void cancelIfAbandoned() {
    ClientCall<Q, S> attempt = open;
    if (result.isCancelled() && attempt != null) {
      attempt.cancel("the caller cancelled the future", null);
    }
  }
}
