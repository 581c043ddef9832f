package dev.coffey.kernels;

/// The backend that the user named can't run here, or there is none of that name. The message is
/// for the user.
public final class BackendRefusedException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Says what was refused, and why.
  public BackendRefusedException(String message) {
    super(message);
  }
}
