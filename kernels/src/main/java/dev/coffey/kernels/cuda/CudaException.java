package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DeviceException;

/// A call of the CUDA driver that did not succeed.
final class CudaException extends DeviceException {
  private static final long serialVersionUID = 1L;

  static final int INVALID_VALUE = 1;
  static final int OUT_OF_MEMORY = 2;
  static final int NO_DEVICE = 100;
  static final int INVALID_IMAGE = 200;
  static final int NO_BINARY_FOR_GPU = 209;
  static final int INVALID_PTX = 218;
  static final int UNSUPPORTED_PTX_VERSION = 222;
  static final int NOT_FOUND = 500;
  static final int ILLEGAL_ADDRESS = 700;

  private final String call;
  private final int code;

  /// @param call the driver's function
  /// @param code its `CUresult`
  /// @param meaning the driver's own name and words for it
  CudaException(String call, int code, String meaning) {
    super(call + " failed with error " + code + ": " + meaning);
    this.call = call;
    this.code = code;
  }

  /// The driver's function: `cuMemAlloc`.
  String call() {
    return call;
  }

  /// The driver's `CUresult`.
  int code() {
    return code;
  }

  /// Whether the device's context is gone with everything in it: the driver answers each later call
  /// with the same error, and only a new process can use the device again.
  @Override
  public boolean deviceLost() {
    return switch (code) {
      // Deinitialized, device unavailable, uncorrectable memory or link errors, a context that was
      // destroyed, unknown.
      case 4, 46, 214, 220, 226, 709, 999 -> true;
      // Faults of a kernel: illegal address, timeout, assert, stack, illegal instruction,
      // misaligned address, address space, program counter, launch failed.
      case ILLEGAL_ADDRESS, 702, 710, 714, 715, 716, 717, 718, 719 -> true;
      default -> false;
    };
  }
}
