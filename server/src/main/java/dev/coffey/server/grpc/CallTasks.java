package dev.coffey.server.grpc;

import io.grpc.Context;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Where what gRPC does for one call runs: on the thread that brings it, Netty's, until the call
/// goes on to the handlers. A call that is refused before that waits for no thread to wake up,
/// which can take milliseconds where all cores compute; and what never goes on, such as health, is
/// answered even if all handlers are busy.
///
/// On Netty's thread only what takes microseconds may be done. A call goes on
/// - as it begins, if the [Gate] says so;
/// - else when a message comes that is not small;
/// - else with [#onHandler], when its service has more to do than to decide.
final class CallTasks implements Executor {
  private static final ThreadLocal<@Nullable CallTasks> CURRENT = new ThreadLocal<>();

  private final Executor handlers;
  private final BooleanSupplier large;

  // gRPC runs a call's tasks one after the other, on any thread.
  private volatile boolean onHandlers;

  /// @param large whether a message has come that takes long to decode
  CallTasks(Executor handlers, BooleanSupplier large) {
    this.handlers = handlers;
    this.large = large;
  }

  /// Lets the call whose task is running on this thread go on: its further tasks run on the
  /// handlers.
  static void goOn() {
    CallTasks current = CURRENT.get();
    if (current != null) {
      current.onHandlers = true;
    }
  }

  /// Does work of the call in progress that may take long: here, unless this is the thread that
  /// brought the call.
  ///
  /// @return what the stage that `work` returns, or what it throws, ends with
  static <T> CompletionStage<T> onHandler(Supplier<? extends CompletionStage<T>> work) {
    CallTasks current = CURRENT.get();
    if (current == null) {
      return work.get();
    }
    current.onHandlers = true;
    CompletableFuture<T> result = new CompletableFuture<>();
    current.handlers.execute(
        Context.current()
            .wrap(() -> {
              try {
                var _ = work.get().whenComplete((value, failure) -> end(result, value, failure));
              } catch (RuntimeException | Error e) {
                result.completeExceptionally(e);
              }
            }));
    return result;
  }

  private static <T> void end(
      CompletableFuture<T> result, @Nullable T value, @Nullable Throwable failure) {
    if (failure == null) {
      result.complete(value);
    } else {
      result.completeExceptionally(failure);
    }
  }

  @Override
  public void execute(Runnable task) {
    if (onHandlers || large.getAsBoolean()) {
      handlers.execute(task);
      return;
    }
    CallTasks outer = CURRENT.get();
    CURRENT.set(this);
    try {
      task.run();
    } finally {
      CURRENT.set(outer);
    }
  }
}
