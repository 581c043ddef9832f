package dev.coffey.server.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.rpc.BadRequest;
import com.google.rpc.Code;
import com.google.rpc.Status;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.TextModel;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.proto.v1.StreamResponse.ResponseCase;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.server.batch.ModelQueue;
import io.grpc.Deadline;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// `Stream` through a real stub, on a device that computes when the test lets it.
@Timeout(60)
final class MessageStreamTest {
  private final AtomicReference<TestDevice> device = new AtomicReference<>();
  private TestServer server;

  @BeforeEach
  void start() {
    Function<TextModel, BatchRunner> runners =
        model -> {
          TestDevice made = new TestDevice(model);
          device.set(made);
          return made;
        };
    server = TestServer.with(runners, TestModels.textcls());
  }

  @AfterEach
  void stop() {
    device().open();
    server.close();
  }

  private TestDevice device() {
    return Objects.requireNonNull(device.get());
  }

  private ModelQueue queue() {
    return server.registry().find("textcls", "", Optional.empty()).queue();
  }

  /// The client's end of a stream.
  private static final class Client
      implements ClientResponseObserver<StreamRequest, StreamResponse> {
    private final boolean reads;
    private final BlockingQueue<StreamResponse> responses = new LinkedBlockingQueue<>();
    private final CompletableFuture<io.grpc.Status> end = new CompletableFuture<>();
    private @Nullable ClientCallStreamObserver<StreamRequest> requests;

    /// @param reads whether responses are taken as they come, or when the test asks for them
    Client(boolean reads) {
      this.reads = reads;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<StreamRequest> stream) {
      requests = stream;
      if (!reads) {
        stream.disableAutoRequestWithInitial(0);
      }
    }

    ClientCallStreamObserver<StreamRequest> requests() {
      return Objects.requireNonNull(requests);
    }

    @Override
    public void onNext(StreamResponse response) {
      responses.add(response);
    }

    @Override
    public void onError(Throwable failure) {
      end.complete(((StatusRuntimeException) failure).getStatus());
    }

    @Override
    public void onCompleted() {
      end.complete(io.grpc.Status.OK);
    }

    StreamResponse next() throws InterruptedException {
      return Objects.requireNonNull(responses.poll(20, TimeUnit.SECONDS), "no response in 20 s");
    }

    io.grpc.Status end() throws Exception {
      return end.get(20, TimeUnit.SECONDS);
    }
  }

  private Client open() {
    return open(true, Optional.empty());
  }

  private Client open(boolean reads, Optional<Deadline> deadline) {
    Client client = new Client(reads);
    InferenceServiceGrpc.InferenceServiceStub stub =
        InferenceServiceGrpc.newStub(server.channel()).withDeadline(deadline.orElse(null));
    var _ = stub.stream(client);
    return client;
  }

  private static StreamRequest classify(long id, String text) {
    return StreamRequest.newBuilder()
        .setId(id)
        .setClassify(ClassifyRequest.newBuilder().addInputs(Input.newBuilder().setText(text)))
        .build();
  }

  private static StreamRequest tokenize(long id) {
    return StreamRequest.newBuilder()
        .setId(id)
        .setTokenize(TokenizeRequest.newBuilder().addInputs(Input.newBuilder().setText("a text")))
        .build();
  }

  /// Red if an id were lost or a response put under another's.
  @Test
  void stream_messagesOfSeveralTasks_areAnsweredEachByItsIdAndThenItEnds() throws Exception {
    Client client = open();
    client.requests().onNext(classify(7, "a fine film"));
    client
        .requests()
        .onNext(
            StreamRequest.newBuilder()
                .setId(-1) // uint64: the largest
                .setEmbed(EmbedRequest.newBuilder().addInputs(Input.newBuilder().setText("b")))
                .build());
    client.requests().onNext(tokenize(9));
    client.requests().onCompleted();
    for (int i = 0; i < 3; i++) {
      StreamResponse response = client.next();
      assertThat(response.getResponseCase())
          .isEqualTo(
              response.getId() == 7
                  ? ResponseCase.CLASSIFY
                  : response.getId() == 9 ? ResponseCase.TOKENIZE : ResponseCase.EMBED);
      if (response.getId() == 7) {
        assertThat(response.getClassify()).usingRecursiveComparison().isNotEqualTo(null);
        assertThat(response.getClassify().getResultsList())
            .isEqualTo(
                server
                    .inference()
                    .classify(classify(7, "a fine film").getClassify())
                    .getResultsList());
      }
    }
    assertThat(client.end().isOk()).isTrue();
    assertThat(client.responses).isEmpty();
  }

  /// What is ready first is sent first: tokens need no device.
  @Test
  void stream_aLaterMessageReadyEarlier_isAnsweredFirst() throws Exception {
    device().shut();
    Client client = open();
    client.requests().onNext(classify(1, "a"));
    device().awaitBatch();
    client.requests().onNext(tokenize(2));
    assertThat(client.next().getId()).isEqualTo(2);
    device().open();
    assertThat(client.next().getId()).isEqualTo(1);
  }

  @Test
  void stream_aMessageThatFails_isAStatusAndTheStreamGoesOn() throws Exception {
    Client client = open();
    client.requests().onNext(StreamRequest.newBuilder().setId(1).build());
    client
        .requests()
        .onNext(
            StreamRequest.newBuilder()
                .setId(2)
                .setClassify(ClassifyRequest.newBuilder().setModel("nobody"))
                .build());
    client.requests().onNext(tokenize(3));
    assertThat(Code.forNumber(client.next().getError().getCode())).isEqualTo(Code.INVALID_ARGUMENT);
    Status noInputs = client.next().getError();
    assertThat(Code.forNumber(noInputs.getCode())).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(noInputs.getDetails(0).unpack(BadRequest.class).getFieldViolations(0).getField())
        .isEqualTo("inputs");
    assertThat(client.next().hasTokenize()).isTrue();
    device().fail(new IllegalStateException("secret"));
    client.requests().onNext(classify(4, "a"));
    Status fault = client.next().getError();
    assertThat(Code.forNumber(fault.getCode())).isEqualTo(Code.INTERNAL);
    assertThat(fault.getMessage()).contains("internal error").doesNotContain("secret");
    device().fail(null);
    client.requests().onNext(classify(5, "a"));
    assertThat(client.next().hasClassify()).isTrue();
  }

  @Test
  void stream_anIdThatIsInFlight_isRefusedAndTheFirstIsAnswered() throws Exception {
    device().shut();
    Client client = open();
    client.requests().onNext(classify(1, "a"));
    device().awaitBatch();
    client.requests().onNext(tokenize(1));
    StreamResponse refusal = client.next();
    assertThat(refusal.getId()).isEqualTo(1);
    assertThat(
            refusal
                .getError()
                .getDetails(0)
                .unpack(BadRequest.class)
                .getFieldViolations(0)
                .getField())
        .isEqualTo("id");
    device().open();
    assertThat(client.next().hasClassify()).isTrue();
    // It is free again.
    client.requests().onNext(tokenize(1));
    assertThat(client.next().hasTokenize()).isTrue();
  }

  /// Sends while the transport lets it, which over the in-process transport is as long as the
  /// server has granted messages.
  private static int sendWhileReady(
      Client client, int first, Function<Integer, StreamRequest> message)
      throws InterruptedException {
    int sent = 0;
    // Grants arrive on the server's threads: a while without one is the end of them.
    for (int idle = 0; idle < 200; ) {
      if (client.requests().isReady()) {
        client.requests().onNext(message.apply(first + sent));
        sent++;
        idle = 0;
      } else {
        Thread.sleep(1);
        idle++;
      }
      if (sent > 10 * MessageStream.WINDOW) {
        break;
      }
    }
    return sent;
  }

  /// Red if messages were granted as they are read and not as they are answered.
  @Test
  void stream_deviceThatStandsStill_takesAWindowOfMessagesAndNoMore() throws Exception {
    device().shut();
    Client client = open();
    int sent = sendWhileReady(client, 0, id -> classify(id, "a"));
    assertThat(sent).isEqualTo(MessageStream.WINDOW);
    device().open();
    for (int i = 0; i < sent; i++) {
      assertThat(client.next().hasClassify()).isTrue();
    }
    client.requests().onNext(classify(sent, "a"));
    assertThat(client.next().getId()).isEqualTo(sent);
  }

  /// Red if responses were handed to a transport that has no room, or did not count as unanswered.
  @Test
  void stream_clientThatDoesNotRead_mayNotSendMoreThanAWindow() throws Exception {
    Client client = open(false, Optional.empty());
    int sent = sendWhileReady(client, 0, MessageStreamTest::tokenize);
    assertThat(sent).isEqualTo(MessageStream.WINDOW);
    client.requests().request(Integer.MAX_VALUE);
    for (int i = 0; i < sent; i++) {
      assertThat(client.next().getId()).isEqualTo(i);
    }
    client.requests().onNext(tokenize(sent));
    assertThat(client.next().getId()).isEqualTo(sent);
  }

  @Test
  void stream_cancelled_itsQueuedWorkIsDropped() throws Exception {
    device().shut();
    Client client = open();
    client.requests().onNext(classify(1, "a"));
    device().awaitBatch();
    client.requests().onNext(classify(2, "b"));
    client.requests().onNext(classify(3, "c"));
    await(() -> queue().stats().queuedRequests() == 2);
    client.requests().cancel("the test is tired of it", null);
    assertThat(client.end().getCode()).isEqualTo(io.grpc.Status.Code.CANCELLED);
    // The call with the server's own clock ends later than the client's.
    await(() -> server.services().openStreams() == 0);
    device().open();
    await(() -> queue().stats().cancelled() == 3);
    assertThat(device().texts()).isEqualTo(1);
  }

  @Test
  void stream_deadlinePassed_endsItAndItsWork() throws Exception {
    device().shut();
    Client client = open(true, Optional.of(Deadline.after(300, TimeUnit.MILLISECONDS)));
    client.requests().onNext(classify(1, "a"));
    device().awaitBatch();
    client.requests().onNext(classify(2, "b"));
    assertThat(client.end().getCode()).isEqualTo(io.grpc.Status.Code.DEADLINE_EXCEEDED);
    await(() -> server.services().openStreams() == 0);
    device().open();
    assertThat(server.inference().classify(classify(0, "c").getClassify()).getResultsCount())
        .isEqualTo(1);
    assertThat(device().texts()).isEqualTo(2);
  }

  /// Red if an open stream held up the drain, or lost what it had read.
  @Test
  void stream_serverDrains_answersWhatItHasAndEndsUnavailable() throws Exception {
    device().shut();
    Client client = open();
    client.requests().onNext(classify(1, "a"));
    device().awaitBatch();
    CompletableFuture<Boolean> drained = new CompletableFuture<>();
    Thread draining =
        Thread.ofPlatform()
            .start(() -> {
              try {
                drained.complete(server.services().drain(Duration.ofSeconds(20)));
              } catch (InterruptedException e) {
                drained.completeExceptionally(e);
              }
            });
    device().open();
    assertThat(client.next().hasClassify()).isTrue();
    assertThat(client.end().getCode()).isEqualTo(io.grpc.Status.Code.UNAVAILABLE);
    assertThat(drained.get(20, TimeUnit.SECONDS)).isTrue();
    draining.join();
  }

  /// Polls: what is awaited happens on the server's own threads, which have no hook for it.
  private static void await(Condition condition) throws Exception {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.holds()) {
      assertThat(System.nanoTime()).as("waited 20 s").isLessThan(end);
      Thread.sleep(1);
    }
  }

  private interface Condition {
    boolean holds() throws Exception;
  }
}
