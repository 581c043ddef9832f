package dev.coffey.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A call, or one text of it, that the server did not answer. The message is the server's own,
/// which says what was wrong, the value, the limit and what to do.
public final class CoffeyException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// gRPC's own hint to retrying clients: milliseconds to wait, negative for "don't".
  static final Metadata.Key<String> PUSHBACK =
      Metadata.Key.of("grpc-retry-pushback-ms", Metadata.ASCII_STRING_MARSHALLER);

  /// What the server attached to a status.
  private record Details(
      @Nullable Duration retryAfter,
      boolean retryForbidden,
      List<String> fields,
      @Nullable String reason) {
    static final Details NONE = new Details(null, false, List.of(), null);
  }

  private final Status.Code code;
  private final transient Details details;

  private CoffeyException(
      Status.Code code, String message, Details details, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
    this.details = details;
  }

  /// The failure of a whole call to `target`.
  static CoffeyException ofCall(String target, Throwable failure) {
    return switch (failure) {
      case CoffeyException known -> known;
      case StatusRuntimeException e -> of(target, e.getStatus(), e.getTrailers(), e);
      case StatusException e -> of(target, e.getStatus(), e.getTrailers(), e);
      default -> of(target, Status.fromThrowable(failure), null, failure);
    };
  }

  /// The failure of one text of a call.
  static CoffeyException ofItem(com.google.rpc.Status status) {
    Status.Code code = Status.fromCodeValue(status.getCode()).getCode();
    return new CoffeyException(code, status.getMessage(), details(status, null), null);
  }

  /// A failure that the client found by itself.
  static CoffeyException ofClient(Status.Code code, String message) {
    return new CoffeyException(code, message, Details.NONE, null);
  }

  /// The gRPC code.
  public Status.Code code() {
    return code;
  }

  /// How long the server asks to wait before the next try; empty where it didn't say.
  public Optional<Duration> retryAfter() {
    return Optional.ofNullable(details.retryAfter());
  }

  /// The paths of the request's fields that were at fault, as `inputs[3].text`.
  public List<String> fields() {
    return details.fields();
  }

  /// The server's word for the kind of failure, as `DEADLINE_UNREACHABLE`; empty where the code
  /// says it all.
  public Optional<String> reason() {
    return Optional.ofNullable(details.reason());
  }

  /// Whether the server asked not to be called again.
  boolean retryForbidden() {
    return details.retryForbidden();
  }

  private static CoffeyException of(
      String target, Status status, @Nullable Metadata trailers, Throwable cause) {
    com.google.rpc.@Nullable Status rich =
        trailers == null ? null : StatusProto.fromStatusAndTrailers(status, trailers);
    String pushback = trailers == null ? null : trailers.get(PUSHBACK);
    Details details =
        details(rich == null ? com.google.rpc.Status.getDefaultInstance() : rich, pushback);
    return new CoffeyException(status.getCode(), message(target, status), details, cause);
  }

  private static String message(String target, Status status) {
    if (status.getCode() == Status.Code.UNAVAILABLE
        && status.getCause() instanceof IOException io) {
      // grpc's own description is "io exception"; what a user needs is which address and why.
      return "can't reach a server at " + target + ": " + root(io);
    }
    String description = status.getDescription();
    return description == null || description.isEmpty() ? status.getCode().name() : description;
  }

  private static String root(Throwable failure) {
    Throwable deepest = failure;
    while (deepest.getCause() != null) {
      deepest = deepest.getCause();
    }
    String message = deepest.getMessage();
    return message == null ? deepest.getClass().getSimpleName() : message;
  }

  private static Details details(com.google.rpc.Status status, @Nullable String pushback) {
    Duration retryAfter = null;
    List<String> fields = List.of();
    String reason = null;
    for (Any any : status.getDetailsList()) {
      try {
        if (any.is(RetryInfo.class)) {
          com.google.protobuf.Duration delay = any.unpack(RetryInfo.class).getRetryDelay();
          retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        } else if (any.is(BadRequest.class)) {
          fields =
              any.unpack(BadRequest.class).getFieldViolationsList().stream()
                  .map(BadRequest.FieldViolation::getField)
                  .toList();
        } else if (any.is(ErrorInfo.class)) {
          reason = any.unpack(ErrorInfo.class).getReason();
        }
      } catch (InvalidProtocolBufferException _) {
        // A detail that can't be read is no reason to lose the status that it came with.
      }
    }
    boolean forbidden = false;
    if (pushback != null) {
      try {
        long millis = Long.parseLong(pushback.trim());
        forbidden = millis < 0;
        if (!forbidden) {
          retryAfter = Duration.ofMillis(millis);
        }
      } catch (NumberFormatException _) {
        // gRPC's rule (gRFC A6): a pushback that can't be parsed means "don't retry".
        forbidden = true;
      }
    }
    return new Details(retryAfter, forbidden, fields, reason);
  }
}
