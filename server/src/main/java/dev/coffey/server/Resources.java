package dev.coffey.server;

import java.util.ArrayDeque;
import java.util.Deque;

/// What was opened, closed in reverse order, also when the start fails half way. Used by one
/// thread.
final class Resources implements AutoCloseable {
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();

  /// Notes `resource`, to be closed before all that were noted earlier.
  <T extends AutoCloseable> T add(T resource) {
    opened.push(resource);
    return resource;
  }

  /// Closes everything, whatever fails on the way.
  ///
  /// @throws IllegalStateException with the first failure, the others suppressed in it
  @Override
  public void close() {
    IllegalStateException failure = null;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        if (e instanceof InterruptedException) {
          Thread.currentThread().interrupt();
        }
        if (failure == null) {
          failure = new IllegalStateException("closing failed: " + e.getMessage(), e);
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }
}
