package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.rpc.BadRequest;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.batch.ModelQueue;
import io.grpc.CallOptions;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.reflection.v1.ServerReflectionGrpc;
import io.grpc.reflection.v1.ServerReflectionRequest;
import io.grpc.reflection.v1.ServerReflectionResponse;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A real socket: what only the transport shows. Bytes that no stub would send, health, reflection,
/// TLS, drain.
final class GrpcServerTest {
  private static TestServer engine;
  private static GrpcServer server;
  private static ManagedChannel channel;

  @BeforeAll
  static void start() {
    engine = TestServer.of(TestModels.textcls());
    server = GrpcServer.start(config(Optional.empty()), engine.services());
    channel = NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
  }

  @AfterAll
  static void stop() {
    channel.shutdownNow();
    server.close();
    engine.close();
  }

  private static GrpcConfig config(Optional<GrpcConfig.Tls> tls) {
    return new GrpcConfig("127.0.0.1", 0, tls, 4, 1 << 16, 8192, 1 << 20, 1024, 65_536, 64);
  }

  private static ClassifyRequest request() {
    return ClassifyRequest.newBuilder().addInputs(Input.newBuilder().setText("good")).build();
  }

  /// Red if a request must wait for a handler to be told that it is refused.
  @Test
  void queueFull_allHandlersBusy_refusedAllTheSame() throws Exception {
    BatchConfig oneWaits =
        new BatchConfig(0, 256, Duration.ZERO, Duration.ofSeconds(5), 65_536, 1, 3);
    CountDownLatch busy = new CountDownLatch(1);
    AtomicReference<TestDevice> device = new AtomicReference<>();
    try (TestServer full =
            new TestServer(
                List.of(TestModels.textcls()),
                config(Optional.empty()),
                oneWaits,
                model -> {
                  device.set(new TestDevice(model));
                  return device.get();
                });
        GrpcServer port = GrpcServer.start(config(Optional.empty()), full.services())) {
      ManagedChannel client =
          NettyChannelBuilder.forAddress("127.0.0.1", port.port()).usePlaintext().build();
      device.get().shut();
      var first = InferenceServiceGrpc.newFutureStub(client).classify(request());
      device.get().awaitBatch();
      var second = InferenceServiceGrpc.newFutureStub(client).classify(request());
      ModelQueue queue = full.registry().find("textcls", "", Optional.empty()).queue();
      while (queue.stats().queuedRequests() == 0) {
        Thread.onSpinWait();
      }
      for (int i = 0; i < config(Optional.empty()).handlerThreads(); i++) {
        full.handlers().execute(() -> awaitQuietly(busy));
      }
      assertThatThrownBy(() ->
              InferenceServiceGrpc.newBlockingStub(client)
                  .withDeadlineAfter(10, TimeUnit.SECONDS)
                  .classify(request()))
          .hasMessageContaining("RESOURCE_EXHAUSTED")
          .hasMessageContaining("queue.max-requests");
      busy.countDown();
      device.get().open();
      assertThat(first.get(10, TimeUnit.SECONDS).getResultsCount()).isEqualTo(1);
      assertThat(second.get(10, TimeUnit.SECONDS).getResultsCount()).isEqualTo(1);
      client.shutdownNow();
    }
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  // ---- malformed messages

  /// Sends bytes as they are.
  private static final MethodDescriptor.Marshaller<byte[]> BYTES =
      new MethodDescriptor.Marshaller<>() {
        @Override
        public InputStream stream(byte[] value) {
          return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
          try {
            return stream.readAllBytes();
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };

  private static StatusRuntimeException send(String method, byte[] message) {
    MethodDescriptor<byte[], byte[]> descriptor =
        MethodDescriptor.newBuilder(BYTES, BYTES)
            .setType(MethodDescriptor.MethodType.UNARY)
            .setFullMethodName(method)
            .build();
    try {
      byte[] answer =
          ClientCalls.blockingUnaryCall(
              channel,
              descriptor,
              CallOptions.DEFAULT.withDeadlineAfter(20, TimeUnit.SECONDS),
              message);
      throw new AssertionError("answered with " + answer.length + " bytes");
    } catch (StatusRuntimeException e) {
      return e;
    }
  }

  private static final List<String> METHODS =
      List.of(
          "coffey.v1.InferenceService/Classify",
          "coffey.v1.InferenceService/Embed",
          "coffey.v1.InferenceService/Tokenize",
          "coffey.v1.ModelService/GetModel",
          "inference.GRPCInferenceService/ModelInfer",
          "inference.GRPCInferenceService/ModelMetadata",
          "grpc.health.v1.Health/Check");

  /// Red if one service is added without the strict marshaller: gRPC's own answer is UNKNOWN or
  /// INTERNAL.
  @Test
  void anyMethod_bytesThatAreNoMessage_isInvalidArgument() {
    byte[][] bad = {
      {(byte) 0xFF, (byte) 0xFF, (byte) 0xFF},
      {0x0A, 0x7F, 'a'},
      {0x0A, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x07},
      {0x0B},
      {0x07, 0x01}
    };
    for (String method : METHODS) {
      for (byte[] message : bad) {
        StatusRuntimeException e = send(method, message);
        assertThat(e.getStatus().getCode()).as(method).isEqualTo(Code.INVALID_ARGUMENT);
        assertThat(e.getStatus().getDescription()).contains("can't be decoded");
        assertThat(StatusDetails.of(e, BadRequest.class).getFieldViolationsCount()).isOne();
      }
    }
  }

  /// Field 1 of each of these messages is a string.
  @Test
  void anyMethod_stringThatIsNotUtf8_isInvalidArgument() {
    for (String method : METHODS) {
      StatusRuntimeException e = send(method, new byte[] {0x0A, 0x02, (byte) 0xC3, 0x28});
      assertThat(e.getStatus().getCode()).as(method).isEqualTo(Code.INVALID_ARGUMENT);
      assertThat(e.getStatus().getDescription()).contains("UTF-8");
    }
  }

  @Test
  void anyMethod_noMessageOrTwo_isTheClientsFault() throws Exception {
    for (int count : new int[] {0, 2}) {
      var call = channel.newCall(InferenceServiceGrpc.getClassifyMethod(), CallOptions.DEFAULT);
      BlockingQueue<Status> closed = new LinkedBlockingQueue<>();
      call.start(
          new io.grpc.ClientCall.Listener<>() {
            @Override
            public void onClose(Status status, Metadata trailers) {
              closed.add(status);
            }
          },
          new Metadata());
      call.request(2);
      for (int i = 0; i < count; i++) {
        call.sendMessage(request());
      }
      call.halfClose();
      Status status = closed.poll(20, TimeUnit.SECONDS);
      assertThat(status).isNotNull();
      // The transport itself may reset a stream with a second message before the status is written.
      assertThat(status.getCode())
          .as("%d messages: %s", count, status)
          .isIn(
              count == 0
                  ? List.of(Code.INVALID_ARGUMENT)
                  : List.of(Code.INVALID_ARGUMENT, Code.CANCELLED));
    }
  }

  @Test
  void classify_messageOverTheLimit_isResourceExhausted() {
    String large = "x".repeat(1 << 17);
    assertThatThrownBy(() ->
            InferenceServiceGrpc.newBlockingStub(channel)
                .classify(
                    ClassifyRequest.newBuilder()
                        .addInputs(Input.newBuilder().setText(large))
                        .build()))
        .hasMessageContaining("RESOURCE_EXHAUSTED");
  }

  @Test
  void classify_overTheSocket_isAnswered() {
    assertThat(InferenceServiceGrpc.newBlockingStub(channel).classify(request()).getResultsCount())
        .isEqualTo(1);
  }

  // ---- health and reflection

  @Test
  void health_loadedModel_isServingByNameAndAsAWhole() {
    HealthGrpc.HealthBlockingStub health = HealthGrpc.newBlockingStub(channel);
    for (String service : List.of("", "textcls")) {
      assertThat(
              health.check(HealthCheckRequest.newBuilder().setService(service).build()).getStatus())
          .isEqualTo(ServingStatus.SERVING);
    }
    assertThatThrownBy(
            () -> health.check(HealthCheckRequest.newBuilder().setService("nope").build()))
        .hasMessageContaining("NOT_FOUND");
  }

  /// Both versions list the same services, and a file of theirs can be had: what grpcurl does
  /// first.
  @Test
  void reflection_bothVersions_listServicesAndFiles() throws Exception {
    BlockingQueue<ServerReflectionResponse> answers = new LinkedBlockingQueue<>();
    StreamObserver<ServerReflectionRequest> requests =
        ServerReflectionGrpc.newStub(channel).serverReflectionInfo(collecting(answers));
    requests.onNext(ServerReflectionRequest.newBuilder().setListServices("").build());
    requests.onNext(
        ServerReflectionRequest.newBuilder()
            .setFileContainingSymbol("inference.GRPCInferenceService")
            .build());
    assertThat(answers.poll(20, TimeUnit.SECONDS).getListServicesResponse().getServiceList())
        .extracting(service -> service.getName())
        .contains(
            "coffey.v1.InferenceService",
            "coffey.v1.ModelService",
            "inference.GRPCInferenceService",
            "grpc.health.v1.Health");
    assertThat(
            answers
                .poll(20, TimeUnit.SECONDS)
                .getFileDescriptorResponse()
                .getFileDescriptorProtoCount())
        .isPositive();
    requests.onCompleted();
    BlockingQueue<io.grpc.reflection.v1alpha.ServerReflectionResponse> old =
        new LinkedBlockingQueue<>();
    var oldRequests =
        io.grpc.reflection.v1alpha.ServerReflectionGrpc.newStub(channel)
            .serverReflectionInfo(collecting(old));
    oldRequests.onNext(
        io.grpc.reflection.v1alpha.ServerReflectionRequest.newBuilder()
            .setListServices("")
            .build());
    assertThat(old.poll(20, TimeUnit.SECONDS).getListServicesResponse().getServiceList())
        .extracting(service -> service.getName())
        .contains("coffey.v1.InferenceService");
    oldRequests.onCompleted();
  }

  private static <T> StreamObserver<T> collecting(BlockingQueue<T> answers) {
    return new StreamObserver<>() {
      @Override
      public void onNext(T answer) {
        answers.add(answer);
      }

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {}
    };
  }

  // ---- start and end

  @Test
  void start_portTaken_saysWhichAndWhatToDo() {
    GrpcConfig taken =
        new GrpcConfig(
            "127.0.0.1",
            server.port(),
            Optional.empty(),
            4,
            1 << 16,
            8192,
            1 << 20,
            1024,
            65_536,
            64);
    assertThatThrownBy(() -> GrpcServer.start(taken, engine.services()))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("127.0.0.1:" + server.port())
        .hasMessageContaining("choose another port");
  }

  /// A fresh key pair, made by the JDK's own tool.
  private static GrpcConfig.Tls tls(Path folder) throws Exception {
    Path store = folder.resolve("store.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-alias",
                "server",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1,dns:localhost",
                "-validity",
                "2",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                "changeit")
            .redirectErrorStream(true)
            .start();
    String said = new String(keytool.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(keytool.waitFor()).as(said).isZero();
    java.security.KeyStore keys = java.security.KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, "changeit".toCharArray());
    }
    Path certificate = folder.resolve("cert.pem");
    Path key = folder.resolve("key.pem");
    Files.writeString(certificate, pem("CERTIFICATE", keys.getCertificate("server").getEncoded()));
    Files.writeString(
        key, pem("PRIVATE KEY", keys.getKey("server", "changeit".toCharArray()).getEncoded()));
    return new GrpcConfig.Tls(certificate, key);
  }

  private static String pem(String type, byte[] bytes) {
    return "-----BEGIN %s-----%n%s%n-----END %s-----%n"
        .formatted(type, java.util.Base64.getMimeEncoder().encodeToString(bytes), type);
  }

  @Test
  void start_certificateAndKey_speaksTls(@TempDir Path folder) throws Exception {
    GrpcConfig.Tls tls = tls(folder);
    try (GrpcServer secure = GrpcServer.start(config(Optional.of(tls)), engine.services())) {
      ManagedChannel trusting =
          NettyChannelBuilder.forAddress("127.0.0.1", secure.port())
              .sslContext(
                  GrpcSslContexts.forClient().trustManager(tls.certificate().toFile()).build())
              .build();
      assertThat(
              InferenceServiceGrpc.newBlockingStub(trusting)
                  .withDeadlineAfter(20, TimeUnit.SECONDS)
                  .classify(request())
                  .getResultsCount())
          .isEqualTo(1);
      trusting.shutdownNow();
    }
  }

  @Test
  void start_badTlsFiles_saysWhichFile(@TempDir Path folder) throws Exception {
    GrpcConfig.Tls tls = tls(folder);
    Path missing = folder.resolve("missing.pem");
    assertThatThrownBy(() ->
            GrpcServer.start(
                config(Optional.of(new GrpcConfig.Tls(missing, tls.key()))), engine.services()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("server.tls-cert")
        .hasMessageContaining("missing.pem")
        .hasMessageContaining("not there");
    Path garbage = Files.writeString(folder.resolve("garbage.pem"), "not a key");
    assertThatThrownBy(() ->
            GrpcServer.start(
                config(Optional.of(new GrpcConfig.Tls(tls.certificate(), garbage))),
                engine.services()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("garbage.pem")
        .hasMessageContaining("PKCS #8");
  }

  /// SIGTERM's way: health flips, the call in progress is answered over the wire, then the port is
  /// closed.
  @Test
  void drain_callInProgress_isAnsweredAndHealthSaysNotServing() throws Exception {
    java.util.concurrent.atomic.AtomicReference<TestDevice> device =
        new java.util.concurrent.atomic.AtomicReference<>();
    try (TestServer own =
        TestServer.with(
            model -> {
              TestDevice made = new TestDevice(model);
              device.set(made);
              return made;
            },
            TestModels.textcls())) {
      GrpcServer draining = GrpcServer.start(config(Optional.empty()), own.services());
      ManagedChannel client =
          NettyChannelBuilder.forAddress("127.0.0.1", draining.port()).usePlaintext().build();
      BlockingQueue<HealthCheckResponse> watched = new LinkedBlockingQueue<>();
      HealthGrpc.newStub(client)
          .watch(HealthCheckRequest.getDefaultInstance(), collecting(watched));
      assertThat(watched.poll(20, TimeUnit.SECONDS).getStatus()).isEqualTo(ServingStatus.SERVING);
      device.get().shut();
      var computing = InferenceServiceGrpc.newFutureStub(client).classify(request());
      device.get().awaitBatch();
      BlockingQueue<Boolean> drained = new LinkedBlockingQueue<>();
      Thread drain =
          Thread.ofPlatform()
              .start(() -> {
                try {
                  drained.add(draining.drain(Duration.ofSeconds(20)));
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              });
      assertThat(watched.poll(20, TimeUnit.SECONDS).getStatus())
          .isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(drained).isEmpty();
      device.get().open();
      ClassifyResponse answer = computing.get(20, TimeUnit.SECONDS);
      assertThat(answer.getResults(0).hasClassification()).isTrue();
      assertThat(drained.poll(20, TimeUnit.SECONDS)).isTrue();
      drain.join();
      client.shutdownNow();
    }
  }
}
