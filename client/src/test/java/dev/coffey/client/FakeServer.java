package dev.coffey.client;

import com.google.protobuf.Any;
import com.google.rpc.BadRequest;
import com.google.rpc.RetryInfo;
import dev.coffey.proto.v1.Classification;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Embedding;
import dev.coffey.proto.v1.GetModelRequest;
import dev.coffey.proto.v1.GetModelResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.ListModelsRequest;
import dev.coffey.proto.v1.ListModelsResponse;
import dev.coffey.proto.v1.ModelServiceGrpc;
import dev.coffey.proto.v1.ModelSummary;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenUsage;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.TokenizeResult;
import dev.coffey.proto.v1.Tokens;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCredentials;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/// A service on a real socket that answers by the text alone: an empty text is a fault of the item,
/// any other is POSITIVE with as many tokens as characters. Failures queued with [#failNext] are
/// used up first, one a call.
final class FakeServer implements AutoCloseable {
  /// A text that is never answered.
  static final String HANG = "hang";

  final AtomicInteger calls = new AtomicInteger();
  final Queue<ClassifyRequest> requests = new ConcurrentLinkedQueue<>();
  final CountDownLatch hanging = new CountDownLatch(1);
  final CountDownLatch cancelled = new CountDownLatch(1);
  private final Queue<StatusRuntimeException> failures = new ConcurrentLinkedQueue<>();
  private final Server server;
  private volatile int surplusResults;

  FakeServer() throws IOException {
    this(InsecureServerCredentials.create());
  }

  FakeServer(ServerCredentials credentials) throws IOException {
    server =
        Grpc.newServerBuilderForPort(0, credentials)
            .addService(new Inference())
            .addService(new Models())
            .build()
            .start();
  }

  String target() {
    return "127.0.0.1:" + server.getPort();
  }

  CoffeyClient client() {
    return CoffeyClient.builder(target()).build();
  }

  void failNext(StatusRuntimeException failure, int times) {
    for (int i = 0; i < times; i++) {
      failures.add(failure);
    }
  }

  void answerOneTooMany() {
    surplusResults = 1;
  }

  static StatusRuntimeException failure(Status.Code code, String message) {
    return code.toStatus().withDescription(message).asRuntimeException();
  }

  static StatusRuntimeException withRetryInfo(Status.Code code, Duration delay) {
    RetryInfo info =
        RetryInfo.newBuilder()
            .setRetryDelay(
                com.google.protobuf.Duration.newBuilder()
                    .setSeconds(delay.getSeconds())
                    .setNanos(delay.getNano()))
            .build();
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder()
            .setCode(code.value())
            .setMessage("queue full")
            .addDetails(Any.pack(info))
            .build());
  }

  static StatusRuntimeException withPushback(Status.Code code, String millis) {
    Metadata trailers = new Metadata();
    trailers.put(CoffeyException.PUSHBACK, millis);
    return code.toStatus().withDescription("queue full").asRuntimeException(trailers);
  }

  @Override
  public void close() {
    server.shutdownNow();
  }

  private boolean failed(StreamObserver<?> observer) {
    calls.incrementAndGet();
    StatusRuntimeException failure = failures.poll();
    if (failure != null) {
      observer.onError(failure);
    }
    return failure != null;
  }

  private static com.google.rpc.Status emptyText(int index) {
    String field = "inputs[" + index + "].text";
    return com.google.rpc.Status.newBuilder()
        .setCode(Status.Code.INVALID_ARGUMENT.value())
        .setMessage(field + " is empty; a text needs at least 1 character")
        .addDetails(
            Any.pack(
                BadRequest.newBuilder()
                    .addFieldViolations(BadRequest.FieldViolation.newBuilder().setField(field))
                    .build()))
        .build();
  }

  private static TokenUsage usage(Input input) {
    return TokenUsage.newBuilder().setRead(input.getText().length()).setCut(1).build();
  }

  private static <T> void send(StreamObserver<T> observer, T response) {
    observer.onNext(response);
    observer.onCompleted();
  }

  private final class Inference extends InferenceServiceGrpc.InferenceServiceImplBase {
    @Override
    public void classify(ClassifyRequest request, StreamObserver<ClassifyResponse> observer) {
      requests.add(request);
      if (failed(observer)) {
        return;
      }
      if (request.getInputs(0).getText().equals(HANG)) {
        ((ServerCallStreamObserver<ClassifyResponse>) observer)
            .setOnCancelHandler(cancelled::countDown);
        hanging.countDown();
        return;
      }
      var response = ClassifyResponse.newBuilder();
      for (int i = 0; i < request.getInputsCount() + surplusResults; i++) {
        Input input = request.getInputs(Math.min(i, request.getInputsCount() - 1));
        response.addResults(
            input.getText().isEmpty()
                ? ClassifyResult.newBuilder().setError(emptyText(i))
                : ClassifyResult.newBuilder()
                    .setUsage(usage(input))
                    .setClassification(
                        Classification.newBuilder()
                            .addLabels(
                                LabelScore.newBuilder()
                                    .setLabel("POSITIVE")
                                    .setScore(0.75f)
                                    .setIndex(1))
                            .addLabels(
                                LabelScore.newBuilder().setLabel("NEGATIVE").setScore(0.25f))));
      }
      send(observer, response.build());
    }

    @Override
    public void embed(EmbedRequest request, StreamObserver<EmbedResponse> observer) {
      if (failed(observer)) {
        return;
      }
      var response = EmbedResponse.newBuilder();
      for (int i = 0; i < request.getInputsCount(); i++) {
        Input input = request.getInputs(i);
        response.addResults(
            input.getText().isEmpty()
                ? EmbedResult.newBuilder().setError(emptyText(i))
                : EmbedResult.newBuilder()
                    .setUsage(usage(input))
                    .setEmbedding(
                        Embedding.newBuilder().addValues(0.5f).addValues(-0.25f).setDimensions(2)));
      }
      send(observer, response.build());
    }

    @Override
    public void tokenize(TokenizeRequest request, StreamObserver<TokenizeResponse> observer) {
      if (failed(observer)) {
        return;
      }
      var response = TokenizeResponse.newBuilder();
      for (int i = 0; i < request.getInputsCount(); i++) {
        Input input = request.getInputs(i);
        response.addResults(
            input.getText().isEmpty()
                ? TokenizeResult.newBuilder().setError(emptyText(i))
                : TokenizeResult.newBuilder()
                    .setTokens(
                        Tokens.newBuilder()
                            .addTokens(
                                Token.newBuilder().setId(101).setPiece("[CLS]").setSpecial(true))
                            .addTokens(Token.newBuilder().setId(7).setPiece(input.getText()))));
      }
      send(observer, response.build());
    }
  }

  private final class Models extends ModelServiceGrpc.ModelServiceImplBase {
    private static final ModelSummary SUMMARY =
        ModelSummary.newBuilder().setName("mini").setVersion("1").build();

    @Override
    public void listModels(ListModelsRequest request, StreamObserver<ListModelsResponse> observer) {
      if (!failed(observer)) {
        send(observer, ListModelsResponse.newBuilder().addModels(SUMMARY).build());
      }
    }

    @Override
    public void getModel(GetModelRequest request, StreamObserver<GetModelResponse> observer) {
      if (failed(observer)) {
        return;
      }
      if (!request.getModel().equals("mini")) {
        observer.onError(failure(Status.Code.NOT_FOUND, "no model '" + request.getModel() + "'"));
        return;
      }
      send(
          observer,
          GetModelResponse.newBuilder().setSummary(SUMMARY).setFamily("distilbert").build());
    }
  }
}
