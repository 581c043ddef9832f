package dev.coffey.server.grpc;

import dev.coffey.server.failure.InferenceException;
import dev.coffey.server.failure.InferenceException.Overloaded;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.metrics.ServerMetrics;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallExecutorSupplier;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/// Decides at a call's first bytes whether it begins, before its message is read: not while the
/// server drains, not beyond the limit of open calls. All of it happens on Netty's thread
/// ([CallTasks]): a call that does not begin costs one header frame each way.
final class Gate implements ServerInterceptor, ServerCallExecutorSupplier {
  /// How long a client should wait if there is no better estimate: a few batches.
  private static final Duration RETRY = Duration.ofMillis(100);

  /// By then a client should have found another server.
  private static final Duration DRAIN_RETRY = Duration.ofSeconds(1);

  private final HandlerPool handlers;
  private final Set<String> decided;
  private final int mostCalls;
  private final ServerMetrics metrics;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition empty = lock.newCondition();
  private int open;
  private boolean draining;

  /// @param decided full names of the methods that turn to the handlers themselves, with
  ///   [CallTasks#onHandler], when it is decided that a request is taken
  Gate(HandlerPool handlers, Set<String> decided, int mostCalls, ServerMetrics metrics) {
    this.handlers = handlers;
    this.decided = decided;
    this.mostCalls = mostCalls;
    this.metrics = metrics;
  }

  @Override
  public <Q, A> Executor getExecutor(ServerCall<Q, A> call, Metadata headers) {
    CallTracer tracer = CallTracer.current();
    return new CallTasks(handlers, tracer == null ? () -> false : tracer::large);
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    return switch (enter()) {
      case IN -> begin(call, headers, next);
      case FULL ->
          refuse(
              call,
              "in_flight",
              new Overloaded(
                  "%d calls are open, the most that limits.requests-in-flight allows; try again later"
                      .formatted(mostCalls),
                  RETRY));
      case DRAINING ->
          refuse(call, "draining", new Unavailable("the server is shutting down", DRAIN_RETRY));
    };
  }

  private enum Entry {
    IN,
    FULL,
    DRAINING
  }

  private Entry enter() {
    lock.lock();
    try {
      if (draining) {
        return Entry.DRAINING;
      }
      if (open >= mostCalls) {
        return Entry.FULL;
      }
      open++;
      return Entry.IN;
    } finally {
      lock.unlock();
    }
  }

  private <Q, A> ServerCall.Listener<Q> begin(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    ServerCall.Listener<Q> listener;
    if (!decided.contains(call.getMethodDescriptor().getFullMethodName())) {
      CallTasks.goOn();
    }
    try {
      listener = next.startCall(call, headers);
    } catch (RuntimeException | Error e) {
      leave();
      throw e;
    }
    // One of the two comes for every call, after the last byte of its answer has left.
    return new SimpleForwardingServerCallListener<>(listener) {
      @Override
      public void onCancel() {
        leave();
        super.onCancel();
      }

      @Override
      public void onComplete() {
        leave();
        super.onComplete();
      }
    };
  }

  private void leave() {
    lock.lock();
    try {
      if (--open == 0) {
        empty.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private <Q, A> ServerCall.Listener<Q> refuse(
      ServerCall<Q, A> call, String cause, InferenceException failure) {
    metrics.shed(cause);
    StatusRuntimeException error = StatusMapper.error(failure);
    Metadata trailers = error.getTrailers();
    call.close(error.getStatus(), trailers == null ? new Metadata() : trailers);
    return new ServerCall.Listener<>() {};
  }

  /// Lets no call begin from now on and waits until all that began have ended, or for `limit`.
  ///
  /// @return whether all have ended
  boolean drain(Duration limit) throws InterruptedException {
    lock.lock();
    try {
      draining = true;
      long left = limit.toNanos();
      while (open > 0) {
        if (left <= 0) {
          return false;
        }
        left = empty.awaitNanos(left);
      }
      return true;
    } finally {
      lock.unlock();
    }
  }
}
