package dev.coffey.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.ModelServiceGrpc;
import dev.coffey.proto.v1.ModelSummary;
import dev.coffey.proto.v1.Token;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import java.io.File;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Every call crosses a real socket.
@Timeout(20)
class CoffeyClientTest {
  private FakeServer server;
  private CoffeyClient client;

  @BeforeEach
  void start() throws Exception {
    server = new FakeServer();
    client = server.client();
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    server.close();
  }

  private static CoffeyException failureOf(Runnable call) {
    try {
      call.run();
    } catch (CoffeyException e) {
      return e;
    }
    throw new AssertionError("the call did not fail");
  }

  @Test
  void classify_oneText_givesItsLabels() {
    assertThat(client.classify("fine"))
        .extracting(LabelScore::getLabel, LabelScore::getScore, LabelScore::getIndex)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("POSITIVE", 0.75f, 1),
            org.assertj.core.groups.Tuple.tuple("NEGATIVE", 0.25f, 0));
  }

  @Test
  void classify_oneBadText_throwsItsFaultWithField() {
    CoffeyException failure = failureOf(() -> client.classify(""));
    assertThat(failure.code()).isEqualTo(Status.Code.INVALID_ARGUMENT);
    assertThat(failure).hasMessage("inputs[0].text is empty; a text needs at least 1 character");
    assertThat(failure.fields()).containsExactly("inputs[0].text");
  }

  @Test
  void classify_badTextAmongGood_failsAlone() {
    List<Outcome<List<LabelScore>>> outcomes = client.classify(List.of("ab", "", "abc"));
    assertThat(outcomes.get(0))
        .isInstanceOfSatisfying(
            Outcome.Done.class, done -> assertThat(done.tokensRead()).isEqualTo(2));
    assertThat(outcomes.get(1))
        .isInstanceOfSatisfying(
            Outcome.Failed.class,
            failed -> assertThat(failed.error().code()).isEqualTo(Status.Code.INVALID_ARGUMENT));
    assertThat(outcomes.get(2).get().getFirst().getLabel()).isEqualTo("POSITIVE");
    assertThatThrownBy(() -> outcomes.get(1).get()).isInstanceOf(CoffeyException.class);
  }

  @Test
  void classify_fullRequest_isSentAsItIs() {
    var request =
        ClassifyRequest.newBuilder()
            .setModel("mini")
            .setTopK(1)
            .addInputs(Input.newBuilder().setText("fine"))
            .build();
    assertThat(client.withModel("other").classify(request).getResultsCount()).isEqualTo(1);
    assertThat(server.requests).containsExactly(request);
  }

  @Test
  void withModel_calls_nameIt() {
    client.withModel("mini").classify("fine");
    assertThat(server.requests.element().getModel()).isEqualTo("mini");
  }

  @Test
  void classify_wrongNumberOfResults_isAnInternalError() {
    server.answerOneTooMany();
    CoffeyException failure = failureOf(() -> client.classify(List.of("a", "b")));
    assertThat(failure.code()).isEqualTo(Status.Code.INTERNAL);
    assertThat(failure).hasMessage("the server answered 2 texts with 3 results");
  }

  @Test
  void embed_oneAndSeveral_giveVectors() {
    assertThat(client.embed("fine")).containsExactly(0.5f, -0.25f);
    List<Outcome<float[]>> outcomes = client.embed(List.of("", "ab"));
    assertThat(outcomes.get(0)).isInstanceOf(Outcome.Failed.class);
    assertThat(outcomes.get(1).get()).containsExactly(0.5f, -0.25f);
  }

  @Test
  void tokenize_oneAndSeveral_giveTokens() {
    assertThat(client.tokenize("fine"))
        .extracting(Token::getPiece)
        .containsExactly("[CLS]", "fine");
    List<Outcome<List<Token>>> outcomes = client.tokenize(List.of("", "ab"));
    assertThat(outcomes.get(0)).isInstanceOf(Outcome.Failed.class);
    assertThat(outcomes.get(1).get()).hasSize(2);
  }

  @Test
  void models_listedAndByName_areTheServers() {
    assertThat(client.listModels()).extracting(ModelSummary::getName).containsExactly("mini");
    assertThat(client.getModel("mini").getFamily()).isEqualTo("distilbert");
    CoffeyException failure = failureOf(() -> client.getModel("maxi"));
    assertThat(failure.code()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(failure).hasMessage("no model 'maxi'");
  }

  @Test
  void channel_generatedStub_reachesTheSameServer() {
    var stub = ModelServiceGrpc.newBlockingStub(client.channel());
    assertThat(
            stub.listModels(dev.coffey.proto.v1.ListModelsRequest.getDefaultInstance())
                .getModelsCount())
        .isEqualTo(1);
  }

  @Test
  void over_aChannel_usesAndClosesIt() {
    var channel =
        Grpc.newChannelBuilder(server.target(), InsecureChannelCredentials.create()).build();
    try (var over = CoffeyClient.over(channel)) {
      assertThat(over.classify("fine")).hasSize(2);
    }
    assertThat(channel.isShutdown()).isTrue();
  }

  @Test
  void futures_manyAtOnce_allComplete() {
    List<CompletableFuture<List<LabelScore>>> calls =
        java.util.stream.IntStream.range(0, 200)
            .mapToObj(i -> client.classifyAsync("text " + i))
            .toList();
    calls.forEach(call -> assertThat(call.join()).hasSize(2));
    assertThat(server.calls).hasValue(200);
  }

  @Test
  void futures_failure_isACoffeyException() {
    assertThatThrownBy(() -> client.getModelAsync("maxi").join())
        .isInstanceOf(CompletionException.class)
        .cause()
        .isInstanceOfSatisfying(
            CoffeyException.class, e -> assertThat(e.code()).isEqualTo(Status.Code.NOT_FOUND));
  }

  @Test
  void futures_cancelled_cancelTheCallOnTheServer() throws Exception {
    CompletableFuture<List<LabelScore>> call = client.classifyAsync(FakeServer.HANG);
    assertThat(server.hanging.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(call.cancel(true)).isTrue();
    assertThat(server.cancelled.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void blocking_interrupted_cancelsTheCallAndKeepsTheInterrupt() throws Exception {
    var failure = new CompletableFuture<CoffeyException>();
    Thread caller =
        Thread.ofPlatform()
            .start(() -> {
              CoffeyException e = failureOf(() -> client.classify(FakeServer.HANG));
              if (Thread.currentThread().isInterrupted()) {
                failure.complete(e);
              }
            });
    assertThat(server.hanging.await(10, TimeUnit.SECONDS)).isTrue();
    caller.interrupt();
    assertThat(failure.get(10, TimeUnit.SECONDS).code()).isEqualTo(Status.Code.CANCELLED);
    assertThat(server.cancelled.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void deadline_noAnswerInTime_isDeadlineExceededAndNotRetried() {
    CoffeyException failure =
        failureOf(() -> client.withDeadline(Duration.ofMillis(150)).classify(FakeServer.HANG));
    assertThat(failure.code()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
    assertThat(server.calls).hasValue(1);
  }

  @Test
  void deadline_ofTheCallersContext_isKept() {
    try (var timer = Executors.newSingleThreadScheduledExecutor();
        var context = Context.current().withDeadlineAfter(150, TimeUnit.MILLISECONDS, timer)) {
      context.run(() ->
          assertThat(failureOf(() -> client.classify(FakeServer.HANG)).code())
              .isEqualTo(Status.Code.DEADLINE_EXCEEDED));
    }
  }

  @Test
  void retry_serverSaysWhen_triesAgainThenAndSucceeds() {
    server.failNext(
        FakeServer.withRetryInfo(Status.Code.RESOURCE_EXHAUSTED, Duration.ofMillis(120)), 2);
    long start = System.nanoTime();
    assertThat(client.classify("fine")).hasSize(2);
    assertThat(Duration.ofNanos(System.nanoTime() - start))
        .isGreaterThanOrEqualTo(Duration.ofMillis(240));
    assertThat(server.calls).hasValue(3);
  }

  @Test
  void retry_pushback_triesAgain() {
    server.failNext(FakeServer.withPushback(Status.Code.RESOURCE_EXHAUSTED, "1"), 1);
    assertThat(client.classify("fine")).hasSize(2);
    assertThat(server.calls).hasValue(2);
  }

  @Test
  void retry_stillFailing_givesTheLastFailureAfterFourCalls() {
    server.failNext(FakeServer.withRetryInfo(Status.Code.UNAVAILABLE, Duration.ofMillis(1)), 100);
    CoffeyException failure = failureOf(() -> client.classify("fine"));
    assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(failure.retryAfter()).contains(Duration.ofMillis(1));
    assertThat(server.calls).hasValue(4);
  }

  @Test
  void retry_budgetSpent_failsAtOnce() {
    server.failNext(FakeServer.withRetryInfo(Status.Code.UNAVAILABLE, Duration.ofMillis(1)), 1000);
    for (int i = 0; i < 10; i++) {
      failureOf(() -> client.classify("fine"));
    }
    // 10 calls, and the 4 retries that the budget has.
    assertThat(server.calls).hasValue(14);
  }

  @Test
  void retry_invalidArgument_isNotTriedAgain() {
    server.failNext(FakeServer.failure(Status.Code.INVALID_ARGUMENT, "no inputs"), 1);
    assertThat(failureOf(() -> client.classify("fine"))).hasMessage("no inputs");
    assertThat(server.calls).hasValue(1);
  }

  @Test
  void retry_delayBeyondTheDeadline_failsAtOnceWithRetryAfter() {
    server.failNext(FakeServer.withRetryInfo(Status.Code.UNAVAILABLE, Duration.ofMinutes(5)), 1);
    CoffeyException failure = failureOf(() -> client.classify("fine"));
    assertThat(failure.retryAfter()).contains(Duration.ofMinutes(5));
    assertThat(server.calls).hasValue(1);
  }

  @Test
  void unreachable_server_isNamedWithTheReason() throws Exception {
    String target;
    try (var socket = new ServerSocket(0)) {
      target = "127.0.0.1:" + socket.getLocalPort();
    }
    try (var lonely = CoffeyClient.builder(target).retry(RetryPolicy.NONE).build()) {
      CoffeyException failure = failureOf(() -> lonely.classify("fine"));
      assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(failure).hasMessageStartingWith("can't reach a server at " + target + ": ");
      assertThat(failure).hasMessageContaining("refused");
    }
  }

  @Test
  void closed_client_failsCallsAtOnce() {
    client.close();
    assertThat(failureOf(() -> client.classify("fine")).code()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(server.calls).hasValue(0);
  }

  @Test
  void tls_mutual_worksAndPlaintextOrAStrangerDoesNot() throws Exception {
    var credentials =
        TlsServerCredentials.newBuilder()
            .keyManager(file("server.pem"), file("server-key.pem"))
            .trustManager(file("ca.pem"))
            .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
            .build();
    Path ca = file("ca.pem").toPath();
    try (var secure = new FakeServer(credentials);
        var trusting =
            CoffeyClient.builder(secure.target())
                .tls(ca)
                .clientCertificate(file("client.pem").toPath(), file("client-key.pem").toPath())
                .authority("coffey.test")
                .build();
        var anonymous =
            CoffeyClient.builder(secure.target()).tls(ca).retry(RetryPolicy.NONE).build();
        var elsewhere =
            CoffeyClient.builder(secure.target())
                .tls(ca)
                .authority("other.test")
                .retry(RetryPolicy.NONE)
                .build();
        var distrusting =
            CoffeyClient.builder(secure.target()).tls().retry(RetryPolicy.NONE).build();
        var plain = CoffeyClient.builder(secure.target()).retry(RetryPolicy.NONE).build()) {
      assertThat(trusting.classify("fine")).hasSize(2);
      for (CoffeyClient refused : List.of(anonymous, elsewhere, distrusting, plain)) {
        assertThat(failureOf(() -> refused.classify("fine")).code())
            .isEqualTo(Status.Code.UNAVAILABLE);
      }
      assertThat(secure.calls).hasValue(1);
    }
  }

  @Test
  void builder_badValues_areRefusedByName() {
    assertThatThrownBy(() -> CoffeyClient.builder(" ")).hasMessageContaining("target");
    assertThatThrownBy(() -> CoffeyClient.builder("a:1").deadline(Duration.ZERO))
        .hasMessageContaining("deadline");
    assertThatThrownBy(() -> CoffeyClient.builder("a:1").maxMessageBytes(1))
        .hasMessageContaining("maxMessageBytes");
    assertThatThrownBy(() -> CoffeyClient.builder("a:1").tls(Path.of("no-such.pem")).build())
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("no-such.pem");
  }

  private static File file(String name) throws URISyntaxException {
    return new File(
        Objects.requireNonNull(CoffeyClientTest.class.getResource("tls/" + name)).toURI());
  }
}
