package dev.coffey.server.grpc;

import dev.coffey.server.failure.InferenceException.InvalidArgument;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.SecurityLevel;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/// Makes a service answer INVALID_ARGUMENT to a request that can't be decoded: bytes that are no
/// protobuf message, text that is no UTF-8, no message or two where one is expected.
///
/// gRPC itself lets the marshaller throw, which ends the call with UNKNOWN or INTERNAL and a stack
/// trace in the log: a client's fault then looks like the server's. Here the outer method reads a
/// [Decoded] that holds either the message or the fault, and the fault ends the call before the
/// service sees it.
final class StrictMethods {
  /// A request, or why there is none.
  private sealed interface Decoded<T> {
    record Message<T>(T value) implements Decoded<T> {}

    record Fault<T>(StatusRuntimeException error) implements Decoded<T> {}
  }

  private StrictMethods() {}

  /// The same service with strict methods. Its descriptor keeps the schema, so that reflection
  /// works.
  static ServerServiceDefinition of(ServerServiceDefinition service) {
    ServiceDescriptor descriptor = service.getServiceDescriptor();
    ServiceDescriptor.Builder outer =
        ServiceDescriptor.newBuilder(descriptor.getName())
            .setSchemaDescriptor(descriptor.getSchemaDescriptor());
    var methods = service.getMethods().stream().map(StrictMethods::strict).toList();
    methods.forEach(method -> outer.addMethod(method.getMethodDescriptor()));
    ServerServiceDefinition.Builder result = ServerServiceDefinition.builder(outer.build());
    methods.forEach(result::addMethod);
    return result.build();
  }

  private static <Q, A> ServerMethodDefinition<Decoded<Q>, A> strict(
      ServerMethodDefinition<Q, A> method) {
    MethodDescriptor<Q, A> inner = method.getMethodDescriptor();
    MethodDescriptor<Decoded<Q>, A> outer =
        inner.toBuilder(
                new DecodingMarshaller<>(inner.getRequestMarshaller()),
                inner.getResponseMarshaller())
            .build();
    return ServerMethodDefinition.create(
        outer, new StrictHandler<>(inner, method.getServerCallHandler()));
  }

  private static StatusRuntimeException refused(String message) {
    return StatusMapper.error(new InvalidArgument("", message));
  }

  private record DecodingMarshaller<T>(Marshaller<T> marshaller) implements Marshaller<Decoded<T>> {
    @Override
    public InputStream stream(Decoded<T> decoded) {
      return switch (decoded) {
        case Decoded.Message<T>(T value) -> marshaller.stream(value);
        case Decoded.Fault<T>(StatusRuntimeException error) -> throw error;
      };
    }

    @Override
    public Decoded<T> parse(InputStream stream) {
      try {
        return new Decoded.Message<>(marshaller.parse(stream));
      } catch (StatusRuntimeException e) {
        // A message that grows over the limit while it is decompressed: gRPC's own answer is right.
        return e.getStatus().getCode() == Status.Code.RESOURCE_EXHAUSTED
            ? new Decoded.Fault<>(e)
            : undecodable(e);
      } catch (RuntimeException e) {
        return undecodable(e);
      }
    }

    private static <T> Decoded<T> undecodable(RuntimeException e) {
      Throwable reason = e.getCause() == null ? e : e.getCause();
      return new Decoded.Fault<>(refused("the request can't be decoded: " + reason.getMessage()));
    }
  }

  private record StrictHandler<Q, A>(MethodDescriptor<Q, A> method, ServerCallHandler<Q, A> handler)
      implements ServerCallHandler<Decoded<Q>, A> {
    @Override
    public ServerCall.Listener<Decoded<Q>> startCall(
        ServerCall<Decoded<Q>, A> call, Metadata headers) {
      InnerCall<Q, A> innerCall = new InnerCall<>(call, method);
      return new StrictListener<>(innerCall, handler.startCall(innerCall, headers));
    }
  }

  /// The call as the service sees it. Once a fault has ended it, what the service still sends goes
  /// nowhere.
  private static final class InnerCall<Q, A> extends ServerCall<Q, A> {
    private final ServerCall<Decoded<Q>, A> outer;
    private final MethodDescriptor<Q, A> method;
    private volatile boolean ended;

    InnerCall(ServerCall<Decoded<Q>, A> outer, MethodDescriptor<Q, A> method) {
      this.outer = outer;
      this.method = method;
    }

    void end(StatusRuntimeException error) {
      if (!ended) {
        ended = true;
        Metadata trailers = error.getTrailers();
        outer.close(error.getStatus(), trailers == null ? new Metadata() : trailers);
      }
    }

    boolean ended() {
      return ended;
    }

    @Override
    public void close(Status status, Metadata trailers) {
      if (!ended) {
        outer.close(status, trailers);
      }
    }

    @Override
    public void sendMessage(A message) {
      if (!ended) {
        outer.sendMessage(message);
      }
    }

    @Override
    public void sendHeaders(Metadata headers) {
      if (!ended) {
        outer.sendHeaders(headers);
      }
    }

    @Override
    public void request(int messages) {
      outer.request(messages);
    }

    @Override
    public boolean isCancelled() {
      return outer.isCancelled();
    }

    @Override
    public boolean isReady() {
      return outer.isReady();
    }

    @Override
    public void setMessageCompression(boolean enabled) {
      outer.setMessageCompression(enabled);
    }

    @Override
    public void setCompression(String compressor) {
      outer.setCompression(compressor);
    }

    @Override
    public void setOnReadyThreshold(int bytes) {
      outer.setOnReadyThreshold(bytes);
    }

    @Override
    public SecurityLevel getSecurityLevel() {
      return outer.getSecurityLevel();
    }

    @Override
    public Attributes getAttributes() {
      return outer.getAttributes();
    }

    @Override
    public @Nullable String getAuthority() {
      return outer.getAuthority();
    }

    @Override
    public MethodDescriptor<Q, A> getMethodDescriptor() {
      return method;
    }
  }

  private static final class StrictListener<Q, A> extends ServerCall.Listener<Decoded<Q>> {
    private final InnerCall<Q, A> call;
    private final ServerCall.Listener<Q> inner;
    private final boolean unary;
    private int messages;
    private @Nullable StatusRuntimeException fault;

    StrictListener(InnerCall<Q, A> call, ServerCall.Listener<Q> inner) {
      this.call = call;
      this.inner = inner;
      this.unary = call.getMethodDescriptor().getType().clientSendsOneMessage();
    }

    @Override
    public void onMessage(Decoded<Q> decoded) {
      if (call.ended() || fault != null) {
        return;
      }
      messages++;
      switch (decoded) {
        case Decoded.Fault<Q>(StatusRuntimeException error) -> refuse(error);
        case Decoded.Message<Q>(Q value) -> {
          if (unary && messages > 1) {
            refuse(expectedOne("more than one"));
          } else {
            inner.onMessage(value);
          }
        }
      }
    }

    /// A call that is closed before the client has said its last resets the stream, and then the
    /// client may see the reset instead of the status. A unary client is about to say it.
    private void refuse(StatusRuntimeException error) {
      if (unary) {
        fault = error;
      } else {
        call.end(error);
      }
    }

    @Override
    public void onHalfClose() {
      if (fault != null) {
        call.end(fault);
      } else if (unary && messages == 0) {
        call.end(expectedOne("none"));
      } else if (!call.ended()) {
        inner.onHalfClose();
      }
    }

    private StatusRuntimeException expectedOne(String got) {
      return refused(
          call.getMethodDescriptor().getFullMethodName()
              + " takes one request message, the client sent "
              + got);
    }

    @Override
    public void onCancel() {
      inner.onCancel();
    }

    @Override
    public void onComplete() {
      inner.onComplete();
    }

    @Override
    public void onReady() {
      inner.onReady();
    }
  }
}
