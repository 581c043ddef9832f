package dev.coffey.kernels.cuda;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/// What has been taken from a driver and must be given back, last first. A step that fails does not
/// keep the others from being done.
final class Cleanup implements AutoCloseable {
  private final Deque<Runnable> steps = new ArrayDeque<>();

  /// Adds what gives back the thing that was just taken.
  void add(Runnable step) {
    steps.push(step);
  }

  /// Does all steps, once. A device that is lost gives nothing back, and needs not.
  @Override
  public void close() {
    CudaException first = null;
    while (!steps.isEmpty()) {
      first = run(steps.pop(), first);
    }
    if (first != null && !first.deviceLost()) {
      throw first;
    }
  }

  private static @Nullable CudaException run(Runnable step, @Nullable CudaException first) {
    try {
      step.run();
      return first;
    } catch (CudaException e) {
      if (first == null) {
        return e;
      }
      first.addSuppressed(e);
      return first;
    }
  }

  /// Does all steps because of `failure`, to which their own failures are added.
  void closeAfter(Throwable failure) {
    try {
      close();
    } catch (CudaException e) {
      failure.addSuppressed(e);
    }
  }
}
