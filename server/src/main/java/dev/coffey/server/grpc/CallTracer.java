package dev.coffey.server.grpc;

import dev.coffey.server.metrics.ServerMetrics;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;
import io.grpc.Status;
import org.jspecify.annotations.Nullable;

/// What the transport alone sees of a call: how large its messages are, before they are decoded,
/// and when it came and went. So a refusal is timed from its call's headers read until its status
/// is written, all waits for threads between the two included.
final class CallTracer extends ServerStreamTracer {
  /// What is decoded in microseconds: 512 token ids with their mask as v2 sends them.
  static final int SMALL_BYTES = 16 << 10;

  private static final Context.Key<CallTracer> KEY = Context.key("call-tracer");

  private final ServerMetrics metrics;
  private final long start = System.nanoTime();
  private volatile boolean large;

  private CallTracer(ServerMetrics metrics) {
    this.metrics = metrics;
  }

  /// Makes one for each call.
  static Factory factory(ServerMetrics metrics) {
    return new Factory() {
      @Override
      public ServerStreamTracer newServerStreamTracer(String fullMethodName, Metadata headers) {
        return new CallTracer(metrics);
      }
    };
  }

  /// Of the call in progress; null outside of one.
  static @Nullable CallTracer current() {
    return KEY.get();
  }

  /// Whether a message has come that may take long to decode.
  boolean large() {
    return large;
  }

  @Override
  public Context filterContext(Context context) {
    return context.withValue(KEY, this);
  }

  @Override
  public void inboundMessageRead(int number, long wireBytes, long bytes) {
    // Of a compressed message only the size on the wire is known.
    if (bytes < 0 || bytes > SMALL_BYTES) {
      large = true;
    }
  }

  /// RESOURCE_EXHAUSTED is a refusal, whoever says so.
  @Override
  public void streamClosed(Status status) {
    if (status.getCode() == Status.Code.RESOURCE_EXHAUSTED) {
      metrics.refused(System.nanoTime() - start);
    }
  }
}
