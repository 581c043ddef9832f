package dev.coffey.server.bench;

import io.grpc.Status;

/// A load can't be measured: the server answered a request with an error that is no refusal, or not
/// at all. The message says what it answered.
public final class LoadFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Status.Code status;

  LoadFailure(String message, Status status) {
    super(message + describe(status));
    this.status = status.getCode();
  }

  /// What the server answered; OK if nothing.
  public Status.Code status() {
    return status;
  }

  private static String describe(Status status) {
    if (status.isOk()) {
      return "";
    }
    return ": %s: %s".formatted(status.getCode(), status.getDescription());
  }
}
