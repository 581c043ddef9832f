package dev.coffey.kernels;

/// A device has too little free memory. The message is for the user: what was needed, what was
/// free, what to lower.
public final class DeviceMemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Says what was needed.
  public DeviceMemoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
