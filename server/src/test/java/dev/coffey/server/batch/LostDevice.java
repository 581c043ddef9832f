package dev.coffey.server.batch;

import dev.coffey.kernels.DeviceException;

/// What a driver says of a device that it has given up.
final class LostDevice extends DeviceException {
  private static final long serialVersionUID = 1L;

  LostDevice() {
    super("planted");
  }

  @Override
  public boolean deviceLost() {
    return true;
  }
}
