package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

final class HandlerPoolTest {
  /// One thread, and at most two calls that wait for it.
  private static final GrpcConfig CONFIG =
      new GrpcConfig("127.0.0.1", 0, Optional.empty(), 1, 1 << 20, 8192, 1 << 20, 16, 1000, 2);

  /// Red if the whole queue is counted: calls that began would shut others out.
  @Test
  void crowded_tasksOfCallsThatBeganWait_isNot() throws Exception {
    CountDownLatch busy = new CountDownLatch(1);
    try (HandlerPool pool = HandlerPool.of(CONFIG)) {
      Executor began = pool.forCall();
      run(began);
      pool.execute(() -> await(busy));
      for (int i = 0; i < 10; i++) {
        began.execute(() -> {});
        pool.execute(() -> {});
      }
      assertThat(pool.crowded()).isFalse();
      busy.countDown();
    }
  }

  /// Red if calls that wait are not counted, or counted for ever.
  @Test
  void crowded_asManyCallsWaitAsMay_isUntilOneBegins() throws Exception {
    CountDownLatch busy = new CountDownLatch(1);
    try (HandlerPool pool = HandlerPool.of(CONFIG)) {
      pool.execute(() -> await(busy));
      pool.forCall().execute(() -> {});
      assertThat(pool.crowded()).isFalse();
      pool.forCall().execute(() -> {});
      assertThat(pool.crowded()).isTrue();
      busy.countDown();
      run(pool);
      assertThat(pool.crowded()).isFalse();
    }
  }

  private static void run(Executor executor) throws InterruptedException {
    CountDownLatch done = new CountDownLatch(1);
    executor.execute(done::countDown);
    done.await();
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
