package dev.coffey.server.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.Status;
import io.grpc.protobuf.StatusProto;
import java.util.Objects;

/// Reads the details of a status as a client does.
final class StatusDetails {
  private StatusDetails() {}

  /// The detail of a type.
  static <T extends Message> T of(Throwable error, Class<T> type) {
    Status status = Objects.requireNonNull(StatusProto.fromThrowable(error));
    for (Any any : status.getDetailsList()) {
      if (any.is(type)) {
        try {
          return any.unpack(type);
        } catch (InvalidProtocolBufferException e) {
          throw new AssertionError(e);
        }
      }
    }
    throw new AssertionError("no " + type.getSimpleName() + " in " + status);
  }

  /// The field of a BadRequest.
  static String field(Throwable error) {
    return of(error, BadRequest.class).getFieldViolations(0).getField();
  }
}
