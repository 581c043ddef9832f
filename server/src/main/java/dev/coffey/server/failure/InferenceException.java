package dev.coffey.server.failure;

import java.time.Duration;
import java.util.List;

/// Why a request, or one item of it, was not answered. A closed set: `StatusMapper` turns each into
/// a gRPC status in one exhaustive switch. Messages are for the user: what was wrong, the value,
/// the limit, what to do.
///
/// No stack traces: a refusal under overload must cost nothing.
public abstract sealed class InferenceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private InferenceException(String message) {
    super(message, null, false, false);
  }

  /// The request, or an item, can never be answered as it is. `field` is the path of the field at
  /// fault, as `inputs[3].text`.
  public static final class InvalidArgument extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final String field;

    public InvalidArgument(String field, String message) {
      super(message);
      this.field = field;
    }

    public String field() {
      return field;
    }
  }

  /// No model, or no version of it, has that name.
  public static final class UnknownModel extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final String model;

    /// `near`: names that the user may have meant, best first.
    public UnknownModel(String model, List<String> near) {
      super(
          "no model '"
              + model
              + "' is served here"
              + (near.isEmpty() ? "" : "; did you mean " + String.join(" or ", near) + "?"));
      this.model = model;
    }

    public String model() {
      return model;
    }
  }

  /// The model exists but has no head for the task.
  public static final class UnsupportedTask extends InferenceException {
    private static final long serialVersionUID = 1L;

    public UnsupportedTask(String model, String task, List<String> tasks) {
      super("model '%s' can't %s; it can: %s".formatted(model, task, String.join(", ", tasks)));
    }
  }

  /// A model can't be loaded as things are: its folder is not what it should be, or there is none.
  public static final class NotLoadable extends InferenceException {
    private static final long serialVersionUID = 1L;

    public NotLoadable(String message) {
      super(message);
    }
  }

  /// A bound on queued tokens or on requests is reached. Try again after `retryAfter`, from the
  /// measured drain rate.
  public static final class Overloaded extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final transient Duration retryAfter;

    public Overloaded(String message, Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }

    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /// Refused at admission: the estimated wait is longer than the time left.
  public static final class DeadlineUnreachable extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final transient Duration estimatedWait;
    private final transient Duration retryAfter;

    public DeadlineUnreachable(Duration timeLeft, Duration estimatedWait, Duration retryAfter) {
      super(
          "deadline in %d ms can't be met: the estimated wait is %d ms; try again later or allow more time"
              .formatted(timeLeft.toMillis(), estimatedWait.toMillis()));
      this.estimatedWait = estimatedWait;
      this.retryAfter = retryAfter;
    }

    public Duration estimatedWait() {
      return estimatedWait;
    }

    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /// The deadline passed while the request was queued or computed.
  public static final class DeadlineExceeded extends InferenceException {
    private static final long serialVersionUID = 1L;

    public DeadlineExceeded(String message) {
      super(message);
    }
  }

  /// The client went away; its work was dropped.
  public static final class Cancelled extends InferenceException {
    private static final long serialVersionUID = 1L;

    public Cancelled() {
      super("the request was cancelled");
    }
  }

  /// The server is starting, draining, or the model is loading or being unloaded.
  public static final class Unavailable extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final transient Duration retryAfter;

    public Unavailable(String message, Duration retryAfter) {
      super(message);
      this.retryAfter = retryAfter;
    }

    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /// A kernel or the device failed. The client sees a fixed text and `id`; the cause is in the log
  /// under that id.
  public static final class DeviceFault extends InferenceException {
    private static final long serialVersionUID = 1L;
    private final String id;

    public DeviceFault(String id) {
      super("internal error " + id + "; the server's log has the cause under this id");
      this.id = id;
    }

    public String id() {
      return id;
    }
  }
}
