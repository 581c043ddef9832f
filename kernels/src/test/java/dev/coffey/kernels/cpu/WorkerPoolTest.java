package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

// In a thread of its own: a lost wake-up leaves this one parked, and interrupts do not end that.
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WorkerPoolTest {
  // Breaks if a claim is lost or doubled, or if run returns while a chunk is still at work. Pauses
  // of various lengths let
  // workers park, so that a lost wake-up hangs here.
  @Test
  void run_manyTimes_runsEachChunkOnceBeforeItReturns() {
    try (WorkerPool pool = new WorkerPool("test", 4)) {
      for (int round = 0; round < 20_000; round++) {
        int chunks = round % 17;
        AtomicIntegerArray counts = new AtomicIntegerArray(17);
        int[] plain = new int[17];
        pool.run(
            chunks,
            (chunk, _) -> {
              counts.incrementAndGet(chunk);
              plain[chunk]++;
            });
        for (int chunk = 0; chunk < 17; chunk++) {
          int expected = chunk < chunks ? 1 : 0;
          assertThat(counts.get(chunk)).isEqualTo(expected);
          assertThat(plain[chunk]).isEqualTo(expected);
        }
        if (round % 200 == 0) {
          LockSupport.parkNanos(round * 10L);
        }
      }
    }
  }

  @Test
  void run_chunksThatWaitForEachOther_areOnDistinctWorkers() {
    try (WorkerPool pool = new WorkerPool("test", 3)) {
      CountDownLatch together = new CountDownLatch(3);
      Set<Integer> workers = ConcurrentHashMap.newKeySet();
      pool.run(
          3,
          (_, worker) -> {
            workers.add(worker);
            together.countDown();
            await(together);
          });
      assertThat(workers).containsExactlyInAnyOrder(0, 1, 2);
    }
  }

  // A worker index guards a scratch buffer: two threads with one index would mix results.
  @Test
  void run_always_givesAWorkerIndexToOneThreadAtATime() {
    try (WorkerPool pool = new WorkerPool("test", 3)) {
      AtomicIntegerArray busy = new AtomicIntegerArray(3);
      AtomicLong clashes = new AtomicLong();
      for (int round = 0; round < 2000; round++) {
        pool.run(
            9,
            (_, worker) -> {
              clashes.addAndGet(busy.getAndIncrement(worker));
              Thread.onSpinWait();
              busy.decrementAndGet(worker);
            });
      }
      assertThat(clashes).hasValue(0);
    }
  }

  @Test
  void run_chunkThrows_throwsItHereAndThePoolGoesOn() {
    try (WorkerPool pool = new WorkerPool("test", 3)) {
      for (int round = 0; round < 100; round++) {
        int bad = round % 8;
        assertThatThrownBy(() ->
                pool.run(
                    8,
                    (chunk, _) -> {
                      if (chunk == bad) {
                        throw new IllegalStateException("chunk " + chunk);
                      }
                    }))
            .isInstanceOf(IllegalStateException.class)
            .hasMessage("chunk " + bad);
        int[] ran = new int[8];
        pool.run(8, (chunk, _) -> ran[chunk] = 1);
        assertThat(Arrays.stream(ran).sum()).isEqualTo(8);
      }
    }
  }

  @Test
  void close_always_endsTheThreads() {
    WorkerPool pool = new WorkerPool("closing", 3);
    Set<Thread> threads = ConcurrentHashMap.newKeySet();
    CountDownLatch together = new CountDownLatch(3);
    pool.run(
        3,
        (_, _) -> {
          threads.add(Thread.currentThread());
          together.countDown();
          await(together);
        });
    pool.close();
    threads.remove(Thread.currentThread());
    assertThat(threads).hasSize(2).noneMatch(Thread::isAlive);
    assertThatThrownBy(() -> pool.run(1, (_, _) -> {})).isInstanceOf(IllegalStateException.class);
  }

  // Breaks if a worker without work goes on spinning: the serving process would burn a core while
  // idle.
  @Test
  void idle_afterWork_parks() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool("idle", 2)) {
      Thread[] worker = new Thread[2];
      CountDownLatch together = new CountDownLatch(2);
      pool.run(
          2,
          (_, index) -> {
            worker[index] = Thread.currentThread();
            together.countDown();
            await(together);
          });
      while (worker[1].getState() != Thread.State.WAITING) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
    }
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
