package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.protobuf.util.Durations;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.TextModel;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferInputTensor;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.server.batch.BatchConfig;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// The status table of WIRE.md, a test a row. Red if a failure's code or a detail that clients act
/// on changes. (Malformed messages and too large ones need a wire: see StrictMethodsTest and
/// GrpcServerTest.)
final class StatusTableTest {
  private final AtomicReference<TestDevice> device = new AtomicReference<>();
  private final List<AutoCloseable> open = new ArrayList<>();

  private TestServer server(BatchConfig batches, GrpcConfig config) {
    Function<TextModel, BatchRunner> runners =
        model -> {
          TestDevice made = new TestDevice(model);
          device.compareAndSet(null, made);
          return made;
        };
    TestServer server =
        new TestServer(
            List.of(TestModels.textcls(), TestModels.golden("base")), config, batches, runners);
    // The first model is the one that the tests call.
    open.add(server);
    return server;
  }

  private TestServer server() {
    return server(BatchConfig.DEFAULT, GrpcConfig.DEFAULT);
  }

  private TestDevice device() {
    return java.util.Objects.requireNonNull(device.get());
  }

  @AfterEach
  void close() throws Exception {
    if (device.get() != null) {
      device().open();
    }
    for (AutoCloseable each : open) {
      each.close();
    }
  }

  private static ClassifyRequest request(String... texts) {
    ClassifyRequest.Builder request = ClassifyRequest.newBuilder().setModel("textcls");
    for (String text : texts) {
      request.addInputs(Input.newBuilder().setText(text));
    }
    return request.build();
  }

  private static StatusRuntimeException failure(ThrowingCallable call) {
    return catchThrowableOfType(StatusRuntimeException.class, call);
  }

  private static Code code(StatusRuntimeException e) {
    return e.getStatus().getCode();
  }

  @Test
  void emptyRequest_isInvalidArgumentWithTheField() throws Exception {
    StatusRuntimeException e = failure(() -> server().inference().classify(request()));
    assertThat(code(e)).isEqualTo(Code.INVALID_ARGUMENT);
    BadRequest bad = StatusDetails.of(e, BadRequest.class);
    assertThat(bad.getFieldViolations(0).getField()).isEqualTo("inputs");
    assertThat(bad.getFieldViolations(0).getDescription()).contains("at least one");
  }

  @Test
  void v2PositionZeroLeftOut_isInvalidArgument() throws Exception {
    StatusRuntimeException e =
        failure(() ->
            server()
                .open()
                .modelInfer(
                    ModelInferRequest.newBuilder()
                        .setModelName("textcls")
                        .addInputs(InferTensors.int64("input_ids", new long[][] {{1, 2, 3}}))
                        .addInputs(InferTensors.int64("attention_mask", new long[][] {{0, 1, 1}}))
                        .build()));
    assertThat(code(e)).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(e).hasMessageContaining("position 0").hasMessageContaining("logits");
    assertThat(StatusDetails.of(e, BadRequest.class).getFieldViolations(0).getField())
        .isEqualTo("inputs[1].contents");
  }

  @Test
  void unknownModel_isNotFoundWithNamesNearIt() {
    StatusRuntimeException e =
        failure(() ->
            server().inference().classify(request("a").toBuilder().setModel("textcl").build()));
    assertThat(code(e)).isEqualTo(Code.NOT_FOUND);
    assertThat(e).hasMessageContaining("textcl").hasMessageContaining("did you mean textcls");
  }

  @Test
  void unknownVersion_isNotFound() {
    StatusRuntimeException e =
        failure(
            () -> server().inference().classify(request("a").toBuilder().setVersion("7").build()));
    assertThat(code(e)).isEqualTo(Code.NOT_FOUND);
    assertThat(e).hasMessageContaining("textcls/7").hasMessageContaining("textcls/1");
  }

  @Test
  void taskWithoutHead_isFailedPreconditionWithWhatItCan() {
    StatusRuntimeException e =
        failure(
            () -> server().inference().classify(request("a").toBuilder().setModel("base").build()));
    assertThat(code(e)).isEqualTo(Code.FAILED_PRECONDITION);
    assertThat(e).hasMessageContaining("can't classify").hasMessageContaining("embed");
  }

  @Test
  void queueFull_isResourceExhaustedWithRetryInfo() throws Exception {
    BatchConfig small = new BatchConfig(8, 1, Duration.ZERO, Duration.ofSeconds(5), 64, 1, 3);
    TestServer server = server(small, GrpcConfig.DEFAULT);
    device().shut();
    InferenceServiceGrpc.InferenceServiceFutureStub async =
        InferenceServiceGrpc.newFutureStub(server.channel());
    var computing = async.classify(request("a"));
    device().awaitBatch();
    var waiting = async.classify(request("a"));
    await(() ->
        server
                .registry()
                .find("textcls", "", java.util.Optional.empty())
                .queue()
                .stats()
                .queuedRequests()
            == 1);
    StatusRuntimeException e = failure(() -> server.inference().classify(request("a")));
    assertThat(code(e)).isEqualTo(Code.RESOURCE_EXHAUSTED);
    assertThat(Durations.toNanos(StatusDetails.of(e, RetryInfo.class).getRetryDelay()))
        .isPositive();
    assertThat(java.util.Objects.requireNonNull(e.getTrailers()).get(StatusMapper.RETRY_PUSHBACK))
        .matches("[0-9]+");
    device().open();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
    assertThat(result(waiting).getResultsCount()).isEqualTo(1);
  }

  @Test
  void tooManyCallsInFlight_isResourceExhaustedWithRetryInfo() throws Exception {
    TestServer server =
        server(
            BatchConfig.DEFAULT,
            new GrpcConfig(
                "127.0.0.1",
                0,
                java.util.Optional.empty(),
                2,
                1 << 20,
                8192,
                1 << 20,
                16,
                1000,
                1));
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    StatusRuntimeException e = failure(() -> server.inference().classify(request("a")));
    assertThat(code(e)).isEqualTo(Code.RESOURCE_EXHAUSTED);
    assertThat(e).hasMessageContaining("limits.requests-in-flight");
    assertThat(Durations.toNanos(StatusDetails.of(e, RetryInfo.class).getRetryDelay()))
        .isPositive();
    device().open();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
    // The place is free again, once the server has seen the last byte of the answer leave.
    await(() -> {
      try {
        return server.inference().classify(request("a")).getResultsCount() == 1;
      } catch (StatusRuntimeException full) {
        assertThat(full).hasMessageContaining("limits.requests-in-flight");
        return false;
      }
    });
  }

  /// A batch is under way whose end lies beyond the deadline: refused at once, without a wait.
  @Test
  void deadlineThatCannotBeMet_isResourceExhaustedAtOnce() throws Exception {
    TestServer server = server();
    device().shut();
    List<ListenableFuture<ClassifyResponse>> queued = new ArrayList<>();
    queued.add(InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a")));
    device().awaitBatch();
    String[] many = new String[200];
    java.util.Arrays.setAll(many, i -> i + " " + "word ".repeat(100));
    for (int i = 0; i < 3; i++) {
      queued.add(InferenceServiceGrpc.newFutureStub(server.channel()).classify(request(many)));
    }
    await(() ->
        server
                .registry()
                .find("textcls", "", java.util.Optional.empty())
                .queue()
                .stats()
                .queuedTokens()
            > 50_000);
    StatusRuntimeException e =
        failure(() ->
            server
                .inference()
                .withDeadlineAfter(1, TimeUnit.SECONDS)
                .classify(
                    ClassifyRequest.newBuilder(request("a"))
                        .setOptions(
                            dev.coffey.proto.v1.RequestOptions.newBuilder()
                                .setPriority(dev.coffey.proto.v1.Priority.PRIORITY_LOW))
                        .build()));
    assertThat(code(e)).isEqualTo(Code.RESOURCE_EXHAUSTED);
    ErrorInfo info = StatusDetails.of(e, ErrorInfo.class);
    assertThat(info.getReason()).isEqualTo("DEADLINE_UNREACHABLE");
    assertThat(Long.parseLong(info.getMetadataOrThrow("estimated_wait_ms"))).isPositive();
    assertThat(Durations.toNanos(StatusDetails.of(e, RetryInfo.class).getRetryDelay()))
        .isPositive();
    assertThat(java.util.Objects.requireNonNull(e.getTrailers()).get(StatusMapper.RETRY_PUSHBACK))
        .matches("[0-9]+");
    // The rest is not worth its time.
    device().fail(new IllegalStateException("the test is over"));
    device().open();
    for (var future : queued) {
      assertThat(code(failure(() -> result(future)))).isEqualTo(Code.INTERNAL);
    }
  }

  /// v2's timeout parameter has no client-side clock: the status is the server's own. The request
  /// is let in, since the batch in progress should have ended long before.
  @Test
  void deadlinePassed_isDeadlineExceeded() throws Exception {
    TestServer server = server();
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    InferInputTensor text = InferTensors.text("text", "a");
    Duration timeout = Duration.ofMillis(400);
    var late =
        GRPCInferenceServiceGrpc.newFutureStub(server.channel())
            .modelInfer(
                ModelInferRequest.newBuilder()
                    .setModelName("textcls")
                    .addInputs(text)
                    .putParameters("timeout", InferTensors.parameter(timeout.toNanos() / 1_000))
                    .build());
    var queue = server.registry().find("textcls", "", java.util.Optional.empty()).queue();
    await(() -> queue.stats().queuedTokens() > 0);
    long queued = System.nanoTime();
    await(() -> System.nanoTime() - queued > timeout.toNanos());
    device().open();
    assertThat(code(failure(() -> result(late)))).isEqualTo(Code.DEADLINE_EXCEEDED);
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
  }

  /// The client's cancellation reaches the queue: what it asked for is never computed.
  @Test
  void clientGone_itsWorkIsDropped() throws Exception {
    TestServer server =
        server(
            new BatchConfig(64, 1, Duration.ZERO, Duration.ofSeconds(5), 65536, 1024, 3),
            GrpcConfig.DEFAULT);
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    var queue = server.registry().find("textcls", "", java.util.Optional.empty()).queue();
    Context.CancellableContext context = Context.current().withCancellation();
    var dropped =
        context.call(
            () -> InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("b")));
    await(() -> queue.stats().queuedRequests() == 1);
    int before = device().texts();
    assertThat(context.cancel(null)).isTrue();
    device().open();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
    await(() -> queue.stats().cancelled() == 1);
    assertThat(failure(() -> result(dropped)).getStatus().getCode()).isEqualTo(Code.CANCELLED);
    assertThat(device().texts()).isEqualTo(before);
  }

  @Test
  void deadlineOfTheCall_reachesTheQueue() throws Exception {
    TestServer server = server();
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    StatusRuntimeException e =
        failure(() ->
            server
                .inference()
                .withDeadline(Deadline.after(50, TimeUnit.MILLISECONDS))
                .classify(request("b")));
    assertThat(code(e)).isIn(Code.DEADLINE_EXCEEDED, Code.RESOURCE_EXHAUSTED);
    device().open();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
    assertThat(device().texts()).isEqualTo(1);
  }

  @Test
  void modelUnloaded_isNotFoundAndNothingIsLost() throws Exception {
    TestServer server = server();
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    var handle = server.registry().find("textcls", "", java.util.Optional.empty());
    Thread unloading = Thread.ofPlatform().start(() -> server.registry().unload(handle));
    await(() -> handle.state() == dev.coffey.server.registry.ModelState.UNLOADING);
    StatusRuntimeException e = failure(() -> server.inference().classify(request("b")));
    assertThat(code(e)).isEqualTo(Code.UNAVAILABLE);
    assertThat(Durations.toNanos(StatusDetails.of(e, RetryInfo.class).getRetryDelay()))
        .isPositive();
    device().open();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
    unloading.join();
    assertThat(code(failure(() -> server.inference().classify(request("b")))))
        .isEqualTo(Code.NOT_FOUND);
  }

  @Test
  void draining_isUnavailableWithRetryInfoAndOpenCallsAreAnswered() throws Exception {
    TestServer server = server();
    device().shut();
    var computing = InferenceServiceGrpc.newFutureStub(server.channel()).classify(request("a"));
    device().awaitBatch();
    AtomicReference<Boolean> drained = new AtomicReference<>();
    Thread draining =
        Thread.ofPlatform()
            .start(() -> {
              try {
                drained.set(server.services().drain(Duration.ofSeconds(20)));
              } catch (InterruptedException e) {
                throw new IllegalStateException(e);
              }
            });
    AtomicReference<StatusRuntimeException> refusal = new AtomicReference<>();
    await(() -> {
      try {
        var _ =
            server
                .open()
                .serverLive(dev.coffey.proto.inference.ServerLiveRequest.getDefaultInstance());
        return false;
      } catch (StatusRuntimeException e) {
        refusal.set(e);
        return true;
      }
    });
    assertThat(code(refusal.get())).isEqualTo(Code.UNAVAILABLE);
    assertThat(Durations.toNanos(StatusDetails.of(refusal.get(), RetryInfo.class).getRetryDelay()))
        .isPositive();
    assertThat(draining.isAlive()).isTrue();
    device().open();
    draining.join();
    assertThat(drained.get()).isTrue();
    assertThat(result(computing).getResultsCount()).isEqualTo(1);
  }

  @Test
  void deviceFault_isInternalWithFixedTextAndId() {
    TestServer server = server();
    device().fail(new IllegalStateException("secret of the device"));
    StatusRuntimeException e = failure(() -> server.inference().classify(request("a")));
    assertThat(code(e)).isEqualTo(Code.INTERNAL);
    assertThat(e).hasMessageContaining("internal error").hasMessageNotContaining("secret");
    device().fail(null);
    assertThat(server.inference().classify(request("a")).getResultsCount()).isEqualTo(1);
  }

  /// Three failed batches in a row (batch.fault-limit) say that the device is lost; one that
  /// succeeds says it is back.
  @Test
  void deviceLost_healthIsNotServingUntilABatchSucceeds() throws Exception {
    TestServer server = server();
    HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(server.channel());
    HealthCheckRequest whole = HealthCheckRequest.getDefaultInstance();
    HealthCheckRequest model = HealthCheckRequest.newBuilder().setService("textcls").build();
    assertThat(health.check(whole).getStatus()).isEqualTo(ServingStatus.SERVING);
    device().fail(new IllegalStateException("the device is lost"));
    for (int i = 0; i < 3; i++) {
      assertThat(code(failure(() -> server.inference().classify(request("a")))))
          .isEqualTo(Code.INTERNAL);
    }
    await(() -> health.check(model).getStatus() == ServingStatus.NOT_SERVING);
    assertThat(health.check(whole).getStatus()).isEqualTo(ServingStatus.NOT_SERVING);
    device().fail(null);
    assertThat(server.inference().classify(request("a")).getResultsCount()).isEqualTo(1);
    await(() -> health.check(model).getStatus() == ServingStatus.SERVING);
    await(() -> health.check(whole).getStatus() == ServingStatus.SERVING);
  }

  @Test
  void unexpectedException_isInternalWithFixedTextAndId() {
    StatusRuntimeException e = StatusMapper.error(new IllegalStateException("a secret"));
    assertThat(code(e)).isEqualTo(Code.INTERNAL);
    assertThat(e)
        .hasMessageMatching("INTERNAL: internal error [0-9a-f-]{36}; the server's log has .*");
  }

  private static <T> T result(ListenableFuture<T> future) {
    try {
      return future.get(20, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StatusRuntimeException status) {
        throw status;
      }
      throw new IllegalStateException(e);
    } catch (InterruptedException | TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  /// Polls: what is awaited happens on the server's own threads, which have no hook for it.
  private static void await(Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waited 20 s").isLessThan(end);
      Thread.onSpinWait();
      Thread.sleep(1);
    }
  }

  private interface Condition {
    boolean holds() throws Exception;
  }
}
