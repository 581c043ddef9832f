package dev.coffey.server.bench;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/// One load on a server, and what came of it. A closed loop asks again when it is answered, as a
/// program does that works through its texts; an open loop asks when a request is due, as users do
/// who do not know how slow the server is. There a request's time counts from when it was due: what
/// a server that stalls would have kept the sender from sending is not left out.
final class LoadRun {
  /// How long requests may still take after the last was sent.
  private static final Duration REST = Duration.ofSeconds(30);

  private final Sender sender;
  private final long deadlineNanos;
  private final LatencyHistogram latency = new LatencyHistogram();
  private final LatencyHistogram refusal = new LatencyHistogram();
  private final AtomicLong answered = new AtomicLong();
  private final AtomicLong tokens = new AtomicLong();
  private final AtomicLong refused = new AtomicLong();
  private final AtomicLong late = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private final AtomicReference<Status> failure = new AtomicReference<>(Status.OK);
  private final AtomicLong ended = new AtomicLong();

  private LoadRun(Sender sender, Duration deadline) {
    this.sender = sender;
    this.deadlineNanos = deadline.toNanos();
  }

  /// Keeps `clients` requests in flight. Only those that are answered within the time count.
  static Step closed(Sender sender, int clients, Duration length, Duration deadline)
      throws InterruptedException {
    LoadRun run = new LoadRun(sender, deadline);
    Semaphore idle = new Semaphore(clients);
    long start = System.nanoTime();
    long end = start + length.toNanos();
    int sent = 0;
    while (idle.tryAcquire(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)
        && System.nanoTime() < end) {
      int request = sent++ % sender.requests();
      long began = System.nanoTime();
      sender.send(
          request,
          run.deadlineNanos,
          status -> {
            if (System.nanoTime() <= end) {
              run.end(status, request, began);
            }
            run.ended.incrementAndGet();
            idle.release();
          });
    }
    run.awaitAll(sent);
    return run.step(clients, 0, length, sent);
  }

  /// Sends requests when `arrivals` say, however many are in flight. All of them count.
  static Step open(
      Sender sender, Arrivals arrivals, double rate, Duration length, Duration deadline)
      throws InterruptedException {
    LoadRun run = new LoadRun(sender, deadline);
    long start = System.nanoTime();
    long offset = arrivals.next();
    int sent = 0;
    while (offset < length.toNanos()) {
      long due = start + offset;
      for (long wait = due - System.nanoTime(); wait > 0; wait = due - System.nanoTime()) {
        LockSupport.parkNanos(wait);
      }
      int request = sent++ % sender.requests();
      sender.send(
          request,
          run.deadlineNanos,
          status -> {
            run.end(status, request, due);
            run.ended.incrementAndGet();
          });
      offset = arrivals.next();
    }
    run.awaitAll(sent);
    return run.step(0, rate, length, sent);
  }

  /// Sends each request once, `clients` at a time.
  ///
  /// @return seconds until the last answer
  /// @throws LoadFailure if one is not answered
  static double all(Sender sender, int clients) {
    Semaphore idle = new Semaphore(clients);
    AtomicReference<Status> failure = new AtomicReference<>(Status.OK);
    long start = System.nanoTime();
    for (int request = 0; request < sender.requests(); request++) {
      idle.acquireUninterruptibly();
      sender.send(
          request,
          0,
          status -> {
            if (!status.isOk()) {
              failure.set(status);
            }
            idle.release();
          });
    }
    idle.acquireUninterruptibly(clients);
    if (!failure.get().isOk()) {
      throw new LoadFailure("a request was not answered", failure.get());
    }
    return (System.nanoTime() - start) / 1e9;
  }

  private void end(Status status, int request, long since) {
    long nanos = System.nanoTime() - since;
    switch (status.getCode()) {
      case OK -> {
        if (deadlineNanos > 0 && nanos > deadlineNanos) {
          late.incrementAndGet();
        } else {
          answered.incrementAndGet();
          tokens.addAndGet(sender.tokens(request));
          latency.add(nanos);
        }
      }
      case RESOURCE_EXHAUSTED, UNAVAILABLE -> {
        refused.incrementAndGet();
        refusal.add(nanos);
      }
      case DEADLINE_EXCEEDED -> late.incrementAndGet();
      default -> {
        failed.incrementAndGet();
        failure.set(status);
      }
    }
  }

  private void awaitAll(int sent) throws InterruptedException {
    long limit = System.nanoTime() + REST.plusNanos(deadlineNanos).toNanos();
    while (ended.get() < sent) {
      if (System.nanoTime() > limit) {
        throw new LoadFailure(
            "%d of %d requests never ended".formatted(sent - ended.get(), sent), Status.OK);
      }
      Thread.sleep(1);
    }
  }

  private Step step(int clients, double offered, Duration length, long sent) {
    if (failed.get() > 0) {
      throw new LoadFailure(
          "%d of %d requests failed".formatted(failed.get(), sent), failure.get());
    }
    double seconds = length.toNanos() / 1e9;
    return new Step(
        clients,
        offered,
        seconds,
        sent,
        answered.get(),
        refused.get(),
        late.get(),
        answered.get() / seconds,
        tokens.get() / seconds,
        latency.percentiles(),
        refusal.percentiles(),
        null);
  }
}
