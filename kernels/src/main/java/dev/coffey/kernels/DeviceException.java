package dev.coffey.kernels;

/// A call of a device's driver that failed, through no fault of the call's arguments.
public abstract class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// Says what failed.
  protected DeviceException(String message) {
    super(message);
  }

  /// Whether the device can't be used any more by this process, with all that was on it.
  public abstract boolean deviceLost();
}
