package dev.coffey.server.bench;

import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.TokenIds;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.net.URI;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/// Goodput under more load than the server can take. First a closed loop at rising concurrency
/// finds the peak; then requests arrive at twice that rate (Poisson, open loop), each with a
/// deadline of one second. Texts are token ids, their lengths a long tail: min(512, 8 + exponential
/// of mean 48).
///
/// `tools/bench overload TARGET METRICS_URL [seconds [load]]`, with a server running: `./coffey
/// serve --models FOLDER --metrics-port 9090`.
public final class Overload {
  private static final int SWEEP_SECONDS = 5;
  private static final int PEAK_SECONDS = 15;
  private static final int DEADLINE_MILLIS = 1000;
  private static final int TEXTS = 4096;

  /// Beyond, one second's deadline would not be met. All steps are taken, since a noisy machine can
  /// look flat early.
  private static final int MAX_CONCURRENCY = 32;

  private final InferenceServiceGrpc.InferenceServiceStub stub;
  private final ClassifyRequest[] requests;
  private final int[] lengths;

  private Overload(ManagedChannel channel) {
    stub = InferenceServiceGrpc.newStub(channel);
    SplittableRandom random = new SplittableRandom(1);
    requests = new ClassifyRequest[TEXTS];
    lengths = new int[TEXTS];
    for (int i = 0; i < TEXTS; i++) {
      int length = (int) Math.min(512, 8 - 48 * Math.log(1 - random.nextDouble()));
      lengths[i] = length;
      TokenIds.Builder ids = TokenIds.newBuilder().addIds(101);
      random.ints(length - 2, 1000, 30_000).forEach(ids::addIds);
      requests[i] =
          ClassifyRequest.newBuilder()
              .addInputs(Input.newBuilder().setIds(ids.addIds(102)))
              .build();
    }
  }

  public static void main(String[] args) throws Exception {
    URI metrics = URI.create(args[1]);
    int seconds = args.length > 2 ? Integer.parseInt(args[2]) : 60;
    double load = args.length > 3 ? Double.parseDouble(args[3]) : 2;
    ManagedChannel channel = NettyChannelBuilder.forTarget(args[0]).usePlaintext().build();
    try {
      Overload overload = new Overload(channel);
      double mean = Arrays.stream(overload.lengths).average().orElseThrow();
      System.out.printf("texts of %.1f tokens on average%n", mean);
      overload.closedLoop(4, SWEEP_SECONDS);
      Step best = overload.sweep();
      // The sweep's best step is the luckiest of many short ones: the peak is what its concurrency
      // gives in longer runs, before and after, on a machine that is never the same twice. The load
      // goes by the higher of both, so that it is an overload all the same.
      Rate before = overload.closedLoop(best.clients(), PEAK_SECONDS);
      MetricsReading countersBefore = MetricsReading.read(metrics);
      Outcome outcome;
      try (MemoryLog _ = MemoryLog.start(metrics)) {
        outcome = overload.openLoop(load * Math.max(best.rate().texts(), before.texts()), seconds);
      }
      MetricsReading countersAfter = MetricsReading.read(metrics);
      Rate after = overload.closedLoop(best.clients(), PEAK_SECONDS);
      System.out.printf(
          "peak %s: %s before, %s after, %d clients%n",
          before.mean(after), before, after, best.clients());
      System.out.print(outcome.report(before.mean(after)));
      report(countersBefore, countersAfter);
    } finally {
      channel.shutdownNow();
    }
  }

  /// What was answered in a second. Tokens too, since refusals may favour short texts.
  private record Rate(double texts, double tokens) {
    Rate mean(Rate other) {
      return new Rate((texts + other.texts) / 2, (tokens + other.tokens) / 2);
    }

    @Override
    public String toString() {
      return "%.1f texts/s (%.0f tokens/s)".formatted(texts, tokens);
    }
  }

  private record Step(int clients, Rate rate) {}

  private Step sweep() throws InterruptedException {
    Step best = new Step(1, new Rate(0, 0));
    for (int concurrency = 1; concurrency <= MAX_CONCURRENCY; concurrency *= 2) {
      Rate rate = closedLoop(concurrency, SWEEP_SECONDS);
      System.out.printf("%4d clients: %s%n", concurrency, rate);
      if (rate.texts() > best.rate().texts()) {
        best = new Step(concurrency, rate);
      }
    }
    return best;
  }

  /// Keeps `concurrency` requests in flight and returns how many were answered in a second.
  private Rate closedLoop(int concurrency, int seconds) throws InterruptedException {
    Semaphore slots = new Semaphore(concurrency);
    AtomicLong answered = new AtomicLong();
    AtomicLong tokens = new AtomicLong();
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    for (int i = 0; System.nanoTime() < end; i++) {
      slots.acquire();
      int length = lengths[i % TEXTS];
      stub.classify(
          requests[i % TEXTS],
          new Reply() {
            @Override
            void ended(Status status) {
              slots.release();
              if (!status.isOk()) {
                throw new IllegalStateException("refused below the peak: " + status);
              }
              if (System.nanoTime() < end) {
                answered.incrementAndGet();
                tokens.addAndGet(length);
              }
            }
          });
    }
    slots.acquire(concurrency);
    return new Rate(answered.get() / (double) seconds, tokens.get() / (double) seconds);
  }

  private Outcome openLoop(double rate, int seconds) throws InterruptedException {
    SplittableRandom random = new SplittableRandom(2);
    Outcome outcome = new Outcome(rate, seconds);
    long start = System.nanoTime();
    long end = start + TimeUnit.SECONDS.toNanos(seconds);
    long next = start;
    int sent = 0;
    while (next < end) {
      for (long wait = next - System.nanoTime(); wait > 0; wait = next - System.nanoTime()) {
        LockSupport.parkNanos(wait);
      }
      long arrival = next;
      int length = lengths[sent % TEXTS];
      stub.withDeadlineAfter(DEADLINE_MILLIS, TimeUnit.MILLISECONDS)
          .classify(
              requests[sent % TEXTS],
              new Reply() {
                @Override
                void ended(Status status) {
                  outcome.ended(status, length, System.nanoTime() - arrival);
                }
              });
      sent++;
      next += (long) (-Math.log(1 - random.nextDouble()) * 1e9 / rate);
    }
    outcome.awaitAll(sent);
    return outcome;
  }

  /// One request's end.
  private abstract static class Reply implements StreamObserver<ClassifyResponse> {
    private Status itemStatus = Status.OK;

    abstract void ended(Status status);

    @Override
    public void onNext(ClassifyResponse response) {
      if (response.getResults(0).hasError()) {
        itemStatus = Status.fromCodeValue(response.getResults(0).getError().getCode());
      }
    }

    @Override
    public void onError(Throwable failure) {
      ended(Status.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      ended(itemStatus);
    }
  }

  /// How the requests of an open loop ended.
  private static final class Outcome {
    private final double rate;
    private final int seconds;
    private final Map<String, AtomicLong> byStatus = new ConcurrentSkipListMap<>();
    private final long[] refusalNanos = new long[1 << 20];
    private final AtomicLong refusals = new AtomicLong();
    private final AtomicLong ended = new AtomicLong();
    private final AtomicLong tokens = new AtomicLong();

    Outcome(double rate, int seconds) {
      this.rate = rate;
      this.seconds = seconds;
    }

    void ended(Status status, int length, long nanos) {
      byStatus.computeIfAbsent(status.getCode().name(), _ -> new AtomicLong()).incrementAndGet();
      if (status.getCode() == Status.Code.RESOURCE_EXHAUSTED) {
        refusalNanos[(int) (refusals.getAndIncrement() % refusalNanos.length)] = nanos;
      }
      if (status.isOk()) {
        tokens.addAndGet(length);
      }
      ended.incrementAndGet();
    }

    void awaitAll(int sent) throws InterruptedException {
      long limit = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
      while (ended.get() < sent && System.nanoTime() < limit) {
        Thread.sleep(10);
      }
      if (ended.get() != sent) {
        throw new IllegalStateException(sent - ended.get() + " of " + sent + " never ended");
      }
    }

    String report(Rate peak) {
      long ok = byStatus.getOrDefault("OK", new AtomicLong()).get();
      Rate goodput = new Rate(ok / (double) seconds, tokens.get() / (double) seconds);
      int count = (int) Math.min(refusals.get(), refusalNanos.length);
      long[] sorted = Arrays.copyOf(refusalNanos, count);
      Arrays.sort(sorted);
      String refusal =
          count == 0
              ? "none"
              : "p50 %.2f ms, p99 %.2f ms"
                  .formatted(sorted[count / 2] / 1e6, sorted[count * 99 / 100] / 1e6);
      return """
      open loop, %.1f texts/s for %d s, deadline %d ms: every request ended: %s
      goodput %s = %.3f of the peak in texts, %.3f in tokens
      refusals: %s
      """
          .formatted(
              rate,
              seconds,
              DEADLINE_MILLIS,
              byStatus,
              goodput,
              goodput.texts() / peak.texts(),
              goodput.tokens() / peak.tokens(),
              refusal);
    }
  }

  private static void report(MetricsReading before, MetricsReading after) {
    for (String name :
        new String[] {
          "coffey_device_seconds_total",
          "coffey_device_expired_seconds_total",
          "coffey_device_unanswered_seconds_total"
        }) {
      System.out.printf(Locale.ROOT, "server: %s +%.3f%n", name, after.since(before, name));
    }
    double computed = after.since(before, "coffey_device_seconds_total");
    double expired = after.since(before, "coffey_device_expired_seconds_total");
    double refused = after.since(before, "coffey_refusal_seconds_count");
    for (String millis : new String[] {"0.0025", "0.005", "0.01"}) {
      double within = after.bucket("coffey_refusal_seconds", millis);
      within -= before.bucket("coffey_refusal_seconds", millis);
      System.out.printf(
          Locale.ROOT,
          "server: %.2f %% of %.0f refusals written within %s s of their headers%n",
          100 * within / refused,
          refused,
          millis);
    }
    System.out.printf(
        Locale.ROOT,
        "compute spent on requests already expired: %.3f %%%n",
        100 * expired / computed);
  }
}
