package dev.coffey.server.bench;

import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.TokenIds;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// A client of one connection that classifies texts of random token ids, all of one length and of
/// every vocabulary that the models here have.
final class Client implements AutoCloseable {
  private final ManagedChannel channel;
  private final InferenceServiceGrpc.InferenceServiceStub stub;
  private final ClassifyRequest[] requests = new ClassifyRequest[64];
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private int sent;

  /// @param model its name; empty where there is one
  Client(String target, String model, int tokens) {
    channel = NettyChannelBuilder.forTarget(target).usePlaintext().build();
    stub = InferenceServiceGrpc.newStub(channel);
    SplittableRandom random = new SplittableRandom(tokens);
    for (int i = 0; i < requests.length; i++) {
      TokenIds.Builder ids = TokenIds.newBuilder().addIds(101);
      random.ints(tokens - 2, 1000, 8000).forEach(ids::addIds);
      requests[i] =
          ClassifyRequest.newBuilder()
              .setModel(model)
              .addInputs(Input.newBuilder().setIds(ids.addIds(102)))
              .build();
    }
  }

  /// Sends requests at random moments, `perSecond` on average (Poisson), and waits for all answers.
  /// Their times count from the moment at which each was to be sent.
  RequestTimes openLoop(double perSecond, int seconds) throws InterruptedException {
    RequestTimes latencies = new RequestTimes();
    SplittableRandom random = new SplittableRandom(3);
    AtomicInteger open = new AtomicInteger(1);
    CountDownLatch done = new CountDownLatch(1);
    Runnable ended =
        () -> {
          if (open.decrementAndGet() == 0) {
            done.countDown();
          }
        };
    long next = System.nanoTime();
    long end = next + TimeUnit.SECONDS.toNanos(seconds);
    while (next - end < 0) {
      for (long wait = next - System.nanoTime(); wait > 0; wait = next - System.nanoTime()) {
        LockSupport.parkNanos(wait);
      }
      long due = next;
      open.incrementAndGet();
      send(() -> latencies.add(System.nanoTime() - due), ended);
      next += (long) (-Math.log(1 - random.nextDouble()) * 1e9 / perSecond);
    }
    ended.run();
    done.await();
    check();
    return latencies;
  }

  /// Keeps so many requests under way.
  ///
  /// @return answered in a second
  double closedLoop(int concurrency, int seconds) throws InterruptedException {
    Semaphore slots = new Semaphore(concurrency);
    AtomicInteger answered = new AtomicInteger();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    while (System.nanoTime() - end < 0) {
      slots.acquire();
      send(
          () -> {
            if (System.nanoTime() - end < 0) {
              answered.incrementAndGet();
            }
          },
          slots::release);
    }
    slots.acquire(concurrency);
    check();
    return answered.get() / (double) seconds;
  }

  private void send(Runnable answered, Runnable ended) {
    stub.classify(
        requests[sent++ % requests.length],
        new StreamObserver<>() {
          @Override
          public void onNext(ClassifyResponse response) {
            if (response.getResults(0).hasError()) {
              failure.set(new IllegalStateException(response.getResults(0).getError().toString()));
            }
          }

          @Override
          public void onError(Throwable refused) {
            failure.set(refused);
            ended.run();
          }

          @Override
          public void onCompleted() {
            answered.run();
            ended.run();
          }
        });
  }

  private void check() {
    Throwable first = failure.get();
    if (first != null) {
      throw new IllegalStateException("a request was not answered", first);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
