package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.batch.QueueStats;
import dev.coffey.server.bench.IdleConnections;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.prometheus.metrics.model.snapshots.GaugeSnapshot;
import io.prometheus.metrics.model.snapshots.MetricSnapshot;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// A server on a socket whose clients go away, do not read, or say nothing, beside one that
/// behaves.
@Timeout(600)
final class HarshClientsTest {
  private static final GrpcConfig CONFIG =
      new GrpcConfig(
          "127.0.0.1",
          0,
          Optional.empty(),
          4,
          1 << 20,
          8192,
          1 << 24,
          1024,
          65_536,
          GrpcConfig.DEFAULT.maxCalls());

  /// Small batches, so that a request of many texts is cut across many.
  private static final BatchConfig BATCHES =
      new BatchConfig(
          16,
          BatchConfig.DEFAULT.maxTexts(),
          Duration.ZERO,
          BatchConfig.DEFAULT.aging(),
          65_536,
          100_000,
          3);

  private final AtomicReference<TestDevice> device = new AtomicReference<>();
  private TestServer engine;
  private GrpcServer server;
  private ManagedChannel harsh;
  private ManagedChannel kind;

  @BeforeEach
  void start() {
    engine =
        new TestServer(
            List.of(TestModels.textcls(), TestModels.pipeline("st-mean-norm")),
            CONFIG,
            BATCHES,
            model -> {
              TestDevice made = new TestDevice(model);
              device.compareAndSet(null, made);
              return made;
            });
    server = GrpcServer.start(CONFIG, engine.services());
    harsh = channel();
    kind = channel();
  }

  private ManagedChannel channel() {
    return NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
  }

  @AfterEach
  void stop() {
    harsh.shutdownNow();
    kind.shutdownNow();
    server.close();
    engine.close();
  }

  private ModelQueue queue() {
    return engine.registry().find("textcls", "", Optional.empty()).queue();
  }

  /// Calls that the server has not ended, as its metrics show them.
  private double inFlight() {
    for (MetricSnapshot metric : engine.metrics().registry().scrape()) {
      if (metric instanceof GaugeSnapshot gauge
          && metric.getMetadata().getName().equals("coffey_requests_in_flight")) {
        return gauge.getDataPoints().getFirst().getValue();
      }
    }
    throw new AssertionError("no coffey_requests_in_flight");
  }

  private static ClassifyRequest request(int texts) {
    ClassifyRequest.Builder request = ClassifyRequest.newBuilder().setModel("textcls");
    for (int i = 0; i < texts; i++) {
      // Each another: what is equal in a request is computed once.
      request.addInputs(Input.newBuilder().setText("film " + i));
    }
    return request.build();
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within 20 s");
      }
      Thread.sleep(1);
    }
  }

  /// A client that behaves: calls one after the other, each answered.
  private final class Kind implements AutoCloseable {
    private final Thread thread = Thread.ofPlatform().start(this::run);
    private final CompletableFuture<Integer> answered = new CompletableFuture<>();
    private volatile boolean stopped;

    private void run() {
      int count = 0;
      try {
        while (!stopped) {
          ClassifyResponse response =
              InferenceServiceGrpc.newBlockingStub(kind)
                  .withDeadlineAfter(20, TimeUnit.SECONDS)
                  .classify(request(1));
          assertThat(response.getResults(0).hasError()).isFalse();
          count++;
        }
        answered.complete(count);
      } catch (Throwable failure) {
        answered.completeExceptionally(failure);
      }
    }

    /// Ends it.
    ///
    /// @return its calls, all of which were answered
    int answered() throws Exception {
      stopped = true;
      return answered.get(30, TimeUnit.SECONDS);
    }

    @Override
    public void close() {
      stopped = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /// One call of the storm.
  private static final class Victim
      implements ClientResponseObserver<ClassifyRequest, ClassifyResponse> {
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private volatile @Nullable ClientCallStreamObserver<ClassifyRequest> call;

    @Override
    public void beforeStart(ClientCallStreamObserver<ClassifyRequest> stream) {
      call = stream;
    }

    void cancel() {
      Objects.requireNonNull(call).cancel("changed its mind", null);
    }

    @Override
    public void onNext(ClassifyResponse response) {}

    @Override
    public void onError(Throwable failure) {
      end.complete(Status.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK);
    }
  }

  /// Calls of one to thirty texts, each cancelled between 0 and 4 ms after it was sent. Red if one
  /// of them stays in a queue, in a ledger or at the gate, ends twice, or takes the others with it.
  private void storm(int calls) throws Exception {
    cancelAdmitted(8);
    SplittableRandom random = new SplittableRandom(7);
    List<Victim> victims = new ArrayList<>();
    try (ScheduledExecutorService later = Executors.newSingleThreadScheduledExecutor();
        Kind others = new Kind()) {
      for (int i = 0; i < calls; i++) {
        Victim victim = new Victim();
        victims.add(victim);
        InferenceServiceGrpc.newStub(harsh).classify(request(1 + random.nextInt(30)), victim);
        var _ = later.schedule(victim::cancel, random.nextInt(4000), TimeUnit.MICROSECONDS);
        if (i % 64 == 63) {
          // The limit of open calls is not what is tried here, and a call ends at the client first.
          await(() -> inFlight() < 500);
        }
      }
      int answered = 0;
      for (Victim victim : victims) {
        Status status = victim.end.get(20, TimeUnit.SECONDS);
        assertThat(status.getCode())
            .isIn(Status.Code.OK, Status.Code.CANCELLED, Status.Code.RESOURCE_EXHAUSTED);
        answered += status.isOk() ? 1 : 0;
      }
      int kindAnswered = others.answered();
      assertThat(kindAnswered).isPositive();
      await(() -> queue().stats().openRequests() == 0);
      QueueStats stats = queue().stats();
      assertThat(stats.queuedTokens()).isZero();
      assertThat(stats.queuedTexts()).isZero();
      assertThat(stats.queuedRequests()).isZero();
      assertThat(stats.faulted() + stats.expired() + stats.abandoned()).isZero();
      assertThat(stats.admitted()).isEqualTo(stats.answered() + stats.cancelled());
      assertThat(stats.cancelled()).isGreaterThanOrEqualTo(8);
      // What the server answered may have been cancelled on its way.
      assertThat(stats.answered()).isGreaterThanOrEqualTo(answered + kindAnswered);
    }
    assertThat(engine.services().drain(Duration.ofSeconds(20))).as("all calls have ended").isTrue();
  }

  /// Where those of a storm are caught is chance; these wait for the device for certain.
  private void cancelAdmitted(int calls) throws InterruptedException {
    TestDevice here = Objects.requireNonNull(device.get());
    here.shut();
    List<Victim> victims = new ArrayList<>();
    for (int i = 0; i < calls; i++) {
      Victim victim = new Victim();
      victims.add(victim);
      InferenceServiceGrpc.newStub(harsh).classify(request(1), victim);
    }
    await(() -> queue().stats().openRequests() == calls);
    victims.forEach(Victim::cancel);
    await(() -> inFlight() == 0);
    here.open();
  }

  @Test
  void cancellationStorm_nothingIsLeftAndOthersAreAnswered() throws Exception {
    storm(1500);
  }

  @Test
  @Tag("soak")
  void cancellationStorm_hundredThousandCalls_nothingIsLeftAndOthersAreAnswered() throws Exception {
    storm(100_000);
  }

  /// Red if what was not cut yet is computed all the same, or a part of the request stays behind.
  @Test
  void cancelledMidway_requestOfManyBatches_restIsNeverComputed() throws Exception {
    TestDevice here = Objects.requireNonNull(device.get());
    int before = here.texts();
    here.shut();
    Victim victim = new Victim();
    InferenceServiceGrpc.newStub(harsh).classify(request(200), victim);
    here.awaitBatch();
    assertThat(queue().stats().queuedTexts()).isBetween(150, 199);
    victim.cancel();
    assertThat(victim.end.get(20, TimeUnit.SECONDS).getCode()).isEqualTo(Status.Code.CANCELLED);
    // The server hears of it a moment after the client.
    await(() -> inFlight() == 0);
    here.open();
    await(() -> queue().stats().openRequests() == 0);
    QueueStats stats = queue().stats();
    assertThat(stats.cancelled()).isEqualTo(1);
    assertThat(stats.queuedTexts()).isZero();
    assertThat(stats.queuedTokens()).isZero();
    assertThat(here.texts() - before).isLessThan(50);
    assertThat(stats.computeNanosUnanswered()).isPositive();
    ClassifyResponse next = InferenceServiceGrpc.newBlockingStub(kind).classify(request(200));
    assertThat(next.getResultsCount()).isEqualTo(200);
  }

  /// A client of `Stream` that takes responses only when it is told to.
  private static final class SlowReader
      implements ClientResponseObserver<StreamRequest, StreamResponse> {
    private final BitSet answered = new BitSet();
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private @Nullable ClientCallStreamObserver<StreamRequest> requests;

    @Override
    public void beforeStart(ClientCallStreamObserver<StreamRequest> stream) {
      requests = stream;
      stream.disableAutoRequestWithInitial(0);
    }

    ClientCallStreamObserver<StreamRequest> requests() {
      return Objects.requireNonNull(requests);
    }

    @Override
    public void onNext(StreamResponse response) {
      assertThat(response.hasError()).as("%s", response.getError()).isFalse();
      answered.set((int) response.getId());
    }

    @Override
    public void onError(Throwable failure) {
      end.complete(Status.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      end.complete(Status.OK);
    }
  }

  /// The answer of one is about 100 KB.
  private static StreamRequest tokenVectors(int id) {
    EmbedRequest.Builder embed = EmbedRequest.newBuilder().setModel("st-mean-norm");
    for (int text = 0; text < 8; text++) {
      embed.addInputs(Input.newBuilder().setText("a warm and funny film ".repeat(10)));
    }
    return StreamRequest.newBuilder().setId(id).setEmbed(embed.setPerToken(true)).build();
  }

  /// Half of the readers never read and have a deadline; the others begin to read late. Red if the
  /// server computes or holds more for them than the window and the transport's own, if others wait
  /// for them, or if one that reads at last misses an answer.
  @Test
  void slowReaders_boundedOthersUnaffected_resumeWithoutLossOrEndByDeadline() throws Exception {
    int messages = 400;
    List<SlowReader> readers = new ArrayList<>();
    try (Kind others = new Kind()) {
      for (int i = 0; i < 4; i++) {
        SlowReader reader = new SlowReader();
        readers.add(reader);
        InferenceServiceGrpc.InferenceServiceStub stub = InferenceServiceGrpc.newStub(harsh);
        var _ = (i % 2 == 0 ? stub : stub.withDeadlineAfter(3, TimeUnit.SECONDS)).stream(reader);
        for (int id = 0; id < messages; id++) {
          reader.requests().onNext(tokenVectors(id));
        }
        reader.requests().onCompleted();
      }
      for (SlowReader reader : List.of(readers.get(1), readers.get(3))) {
        assertThat(reader.end.get(20, TimeUnit.SECONDS).getCode())
            .isEqualTo(Status.Code.DEADLINE_EXCEEDED);
      }
      // Three seconds were enough for all of it, had there been no bound.
      ModelQueue embedding = engine.registry().find("st-mean-norm", "", Optional.empty()).queue();
      await(() -> embedding.stats().openRequests() == 0);
      assertThat(embedding.stats().answered()).isLessThan(4L * messages / 2);
      // The client's deadline ends a call there before the server hears of it.
      await(() -> engine.services().openStreams() == 2);
      for (SlowReader reader : List.of(readers.get(0), readers.get(2))) {
        reader.requests().request(Integer.MAX_VALUE);
        assertThat(reader.end.get(30, TimeUnit.SECONDS).isOk()).isTrue();
        assertThat(reader.answered.cardinality()).isEqualTo(messages);
      }
      assertThat(others.answered()).isPositive();
    }
    await(() -> engine.services().openStreams() == 0);
  }

  private void idle(int connections) throws Exception {
    InetSocketAddress address =
        new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port());
    InferenceServiceGrpc.InferenceServiceBlockingStub stub =
        InferenceServiceGrpc.newBlockingStub(kind);
    assertThat(stub.classify(request(1)).getResultsCount()).isEqualTo(1);
    int threads = Thread.activeCount();
    try (IdleConnections idle = IdleConnections.open(address, connections)) {
      assertThat(idle.size()).isEqualTo(connections);
      for (int i = 0; i < 20; i++) {
        assertThat(
                stub.withDeadlineAfter(20, TimeUnit.SECONDS).classify(request(1)).getResultsCount())
            .isEqualTo(1);
      }
      assertThat(Thread.activeCount()).isLessThan(threads + 16);
    }
    assertThat(stub.classify(request(1)).getResultsCount()).isEqualTo(1);
  }

  /// Red if a connection takes a thread, or a place among the calls.
  @Test
  void idleConnections_moreThanCallsMayBeOpen_requestsBesideThemAreAnswered() throws Exception {
    idle(GrpcConfig.DEFAULT.maxCalls() + 200);
  }
}
