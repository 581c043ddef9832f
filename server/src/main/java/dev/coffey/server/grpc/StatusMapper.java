package dev.coffey.server.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.Message;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
import dev.coffey.server.failure.InferenceException;
import dev.coffey.server.failure.InferenceException.Cancelled;
import dev.coffey.server.failure.InferenceException.DeadlineExceeded;
import dev.coffey.server.failure.InferenceException.DeadlineUnreachable;
import dev.coffey.server.failure.InferenceException.DeviceFault;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.failure.InferenceException.NotLoadable;
import dev.coffey.server.failure.InferenceException.Overloaded;
import dev.coffey.server.failure.InferenceException.Unavailable;
import dev.coffey.server.failure.InferenceException.UnknownModel;
import dev.coffey.server.failure.InferenceException.UnsupportedTask;
import io.grpc.Metadata;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a client sees of a failure: the code, a text for the user and machine-readable details of
/// `google.rpc`.
///
/// A failure that is none of ours is a defect of the server: the client gets a fixed text and an
/// id, the log gets the cause under that id, once.
final class StatusMapper {
  /// Tells a gRPC client that retries by itself how many milliseconds to wait before the next try
  /// (gRFC A6).
  static final Metadata.Key<String> RETRY_PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  /// The domain of our [ErrorInfo]s.
  static final String DOMAIN = "coffey.dev";

  /// The reason in the [ErrorInfo] of a request that was refused since its deadline could not be
  /// met.
  static final String DEADLINE_UNREACHABLE = "DEADLINE_UNREACHABLE";

  private static final Logger log = LoggerFactory.getLogger(StatusMapper.class);

  private StatusMapper() {}

  /// The status of a failure, also the one of a single item of a request.
  static Status status(InferenceException failure) {
    return switch (failure) {
      case InvalidArgument invalid ->
          of(Code.INVALID_ARGUMENT, failure, badRequest(invalid.field(), message(failure)));
      case UnknownModel _ -> of(Code.NOT_FOUND, failure);
      case UnsupportedTask _, NotLoadable _ -> of(Code.FAILED_PRECONDITION, failure);
      case Overloaded overloaded ->
          of(Code.RESOURCE_EXHAUSTED, failure, retryInfo(overloaded.retryAfter()));
      case DeadlineUnreachable unreachable ->
          of(
              Code.RESOURCE_EXHAUSTED,
              failure,
              ErrorInfo.newBuilder()
                  .setReason(DEADLINE_UNREACHABLE)
                  .setDomain(DOMAIN)
                  .putMetadata(
                      "estimated_wait_ms", Long.toString(unreachable.estimatedWait().toMillis()))
                  .build(),
              retryInfo(unreachable.retryAfter()));
      case DeadlineExceeded _ -> of(Code.DEADLINE_EXCEEDED, failure);
      case Cancelled _ -> of(Code.CANCELLED, failure);
      case Unavailable unavailable ->
          of(Code.UNAVAILABLE, failure, retryInfo(unavailable.retryAfter()));
      case DeviceFault _ -> of(Code.INTERNAL, failure);
    };
  }

  /// The error that ends a call for `failure`, whatever it is.
  static StatusRuntimeException error(Throwable failure) {
    return switch (failure) {
      case CompletionException wrapped when wrapped.getCause() != null -> error(wrapped.getCause());
      case ExecutionException wrapped when wrapped.getCause() != null -> error(wrapped.getCause());
      case InferenceException ours ->
          StatusProto.toStatusRuntimeException(status(ours), trailers(ours));
      case StatusRuntimeException status -> status;
      case StatusException status ->
          status.getTrailers() == null
              ? status.getStatus().asRuntimeException()
              : status.getStatus().asRuntimeException(status.getTrailers());
      default -> {
        DeviceFault fault = new DeviceFault(UUID.randomUUID().toString());
        log.error("internal error {}", fault.id(), failure);
        yield error(fault);
      }
    };
  }

  /// The status of a message on a stream that failed, whatever the failure is.
  static Status ofAny(Throwable failure) {
    StatusRuntimeException error = error(failure);
    return StatusProto.fromStatusAndTrailers(error.getStatus(), error.getTrailers());
  }

  private static Metadata trailers(InferenceException failure) {
    Metadata trailers = new Metadata();
    // Not for UNAVAILABLE: there a client with several servers to choose from should try the next
    // one at once.
    switch (failure) {
      case Overloaded overloaded -> pushBack(trailers, overloaded.retryAfter());
      case DeadlineUnreachable unreachable -> pushBack(trailers, unreachable.retryAfter());
      case InvalidArgument _,
          UnknownModel _,
          UnsupportedTask _,
          NotLoadable _,
          DeadlineExceeded _,
          Cancelled _,
          Unavailable _,
          DeviceFault _ -> {}
    }
    return trailers;
  }

  private static void pushBack(Metadata trailers, Duration retryAfter) {
    trailers.put(RETRY_PUSHBACK, Long.toString(Math.max(0, retryAfter.toMillis())));
  }

  private static Status of(Code code, InferenceException failure, Message... details) {
    Status.Builder status =
        Status.newBuilder().setCode(code.getNumber()).setMessage(message(failure));
    for (Message detail : details) {
      status.addDetails(Any.pack(detail));
    }
    return status.build();
  }

  private static String message(InferenceException failure) {
    return Objects.requireNonNullElse(failure.getMessage(), "");
  }

  private static BadRequest badRequest(String field, String description) {
    return BadRequest.newBuilder()
        .addFieldViolations(
            BadRequest.FieldViolation.newBuilder().setField(field).setDescription(description))
        .build();
  }

  private static RetryInfo retryInfo(Duration retryAfter) {
    return RetryInfo.newBuilder().setRetryDelay(Durations.fromNanos(retryAfter.toNanos())).build();
  }
}
