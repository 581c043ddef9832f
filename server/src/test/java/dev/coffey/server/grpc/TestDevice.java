package dev.coffey.server.grpc;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// A device in front of a model that stops, or fails, when a test says so. Open at first.
final class TestDevice implements BatchRunner {
  private final BatchRunner model;
  private final Semaphore started = new Semaphore(0);
  private final AtomicInteger texts = new AtomicInteger();
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private volatile @Nullable RuntimeException fault;

  TestDevice(BatchRunner model) {
    this.model = model;
  }

  /// Batches from now on wait for [#open].
  void shut() {
    gate = new CountDownLatch(1);
    started.drainPermits();
  }

  void open() {
    gate.countDown();
  }

  /// Batches from now on fail; null: no more.
  void fail(@Nullable RuntimeException failure) {
    fault = failure;
  }

  /// Waits until a batch has begun since [#shut].
  void awaitBatch() throws InterruptedException {
    if (!started.tryAcquire(10, TimeUnit.SECONDS)) {
      throw new IllegalStateException("no batch began");
    }
  }

  /// Texts that began to be computed.
  int texts() {
    return texts.get();
  }

  @Override
  public List<List<Matrix>> run(List<TextInput> batch) {
    texts.addAndGet(batch.size());
    started.release();
    try {
      if (!gate.await(30, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the test did not open the device");
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    RuntimeException failure = fault;
    if (failure != null) {
      throw failure;
    }
    return model.run(batch);
  }
}
