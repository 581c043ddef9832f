package dev.coffey.server.metrics;

import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.util.concurrent.atomic.AtomicBoolean;

/// Counts every call once, when it has ended: by the status that the server sent, or CANCELLED
/// where the client went away or the deadline passed before that.
public final class CallMetrics implements ServerInterceptor {
  private final ServerMetrics metrics;

  public CallMetrics(ServerMetrics metrics) {
    this.metrics = metrics;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    long start = System.nanoTime();
    String method = call.getMethodDescriptor().getFullMethodName();
    AtomicBoolean ended = new AtomicBoolean();
    metrics.callStarted();
    ServerCall<Q, A> counted =
        new SimpleForwardingServerCall<>(call) {
          @Override
          public void close(Status status, Metadata trailers) {
            end(status.getCode());
            super.close(status, trailers);
          }

          private void end(Status.Code code) {
            if (ended.compareAndSet(false, true)) {
              metrics.callEnded(method, code.name(), System.nanoTime() - start);
            }
          }
        };
    return new SimpleForwardingServerCallListener<>(next.startCall(counted, headers)) {
      @Override
      public void onCancel() {
        if (ended.compareAndSet(false, true)) {
          metrics.callEnded(method, Status.Code.CANCELLED.name(), System.nanoTime() - start);
        }
        super.onCancel();
      }
    };
  }
}
