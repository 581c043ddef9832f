package dev.coffey.server.batch;

import java.util.concurrent.atomic.AtomicLong;

/// A clock that stands still until it is moved.
final class FakeTicker implements Ticker {
  private final AtomicLong now;

  FakeTicker(long now) {
    this.now = new AtomicLong(now);
  }

  @Override
  public long nanoTime() {
    return now.get();
  }

  void advance(long nanos) {
    now.addAndGet(nanos);
  }

  void advanceMillis(long millis) {
    advance(millis * 1_000_000);
  }
}
