package dev.coffey.client;

import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.AnswerResult;
import dev.coffey.proto.v1.AnswerSpan;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.DetokenizeResponse;
import dev.coffey.proto.v1.DetokenizeResult;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Entity;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.proto.v1.FillMaskResult;
import dev.coffey.proto.v1.FilledMask;
import dev.coffey.proto.v1.GetModelRequest;
import dev.coffey.proto.v1.GetModelResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.LabelScore;
import dev.coffey.proto.v1.ListModelsRequest;
import dev.coffey.proto.v1.ListModelsResponse;
import dev.coffey.proto.v1.LoadModelRequest;
import dev.coffey.proto.v1.LoadModelResponse;
import dev.coffey.proto.v1.ModelServiceGrpc;
import dev.coffey.proto.v1.ModelSummary;
import dev.coffey.proto.v1.Question;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.RankResult;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.proto.v1.SummarizeResult;
import dev.coffey.proto.v1.SummarySentence;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.TagResult;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.proto.v1.TokenUsage;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.TokenizeResult;
import dev.coffey.proto.v1.UnloadModelRequest;
import dev.coffey.proto.v1.UnloadModelResponse;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A client of a Coffey server: blocking calls, and the same with `Async` that return a future.
/// Thread-safe; one a process is enough, since all calls share one connection.
///
/// Most calls have three forms: one text, several texts, or the generated request with all its
/// options; [#stream] sends many requests on one call. A failure of the call is a
/// [CoffeyException]; with several texts, each has an [Outcome] of its own. Futures fail with the
/// same exception (wrapped by `join` and `get`, as futures do), and cancelling one cancels its
/// call.
///
/// What has no method here is called with a generated stub on [#channel].
public final class CoffeyClient implements AutoCloseable {
  private final Connection connection;
  private final String model;
  private final Duration deadline;

  private CoffeyClient(Connection connection, String model, Duration deadline) {
    this.connection = connection;
    this.model = model;
    this.deadline = deadline;
  }

  /// A builder for a client of the server at `target`: `host:port`, or any other target that gRPC
  /// resolves, as `dns:///coffey.default.svc:8500`.
  public static Builder builder(String target) {
    return new Builder(target);
  }

  /// A client over a channel made elsewhere, such as one within the process; it is closed with the
  /// client.
  public static CoffeyClient over(ManagedChannel channel) {
    return new CoffeyClient(
        new Connection(channel.authority(), channel, RetryPolicy.STANDARD, new RetryBudget()),
        "",
        Builder.DEADLINE);
  }

  /// A view of this client whose calls name `model`; the connection is shared, and closing one
  /// closes all.
  public CoffeyClient withModel(String model) {
    return new CoffeyClient(connection, model, deadline);
  }

  /// A view of this client whose calls, retries included, end after `deadline`; the connection is
  /// shared, and closing one closes all.
  public CoffeyClient withDeadline(Duration deadline) {
    return new CoffeyClient(connection, model, positive(deadline));
  }

  /// The labels of a text, best first.
  public List<LabelScore> classify(String text) {
    return await(classifyAsync(text));
  }

  /// The labels of each text, in the order of the texts.
  public List<Outcome<List<LabelScore>>> classify(List<String> texts) {
    return await(classifyAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public ClassifyResponse classify(ClassifyRequest request) {
    return await(classifyAsync(request));
  }

  /// As [#classify(String)].
  public CompletableFuture<List<LabelScore>> classifyAsync(String text) {
    return then(classifyAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#classify(List)].
  public CompletableFuture<List<Outcome<List<LabelScore>>>> classifyAsync(List<String> texts) {
    ClassifyRequest request =
        ClassifyRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        classifyAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::labels));
  }

  /// As [#classify(ClassifyRequest)].
  public CompletableFuture<ClassifyResponse> classifyAsync(ClassifyRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getClassifyMethod(), request, deadline);
  }

  /// The vector of a text, pooled and scaled as the model's folder says.
  public float[] embed(String text) {
    return await(embedAsync(text));
  }

  /// The vector of each text, in the order of the texts.
  public List<Outcome<float[]>> embed(List<String> texts) {
    return await(embedAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public EmbedResponse embed(EmbedRequest request) {
    return await(embedAsync(request));
  }

  /// As [#embed(String)].
  public CompletableFuture<float[]> embedAsync(String text) {
    return then(embedAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#embed(List)].
  public CompletableFuture<List<Outcome<float[]>>> embedAsync(List<String> texts) {
    EmbedRequest request =
        EmbedRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        embedAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::vector));
  }

  /// As [#embed(EmbedRequest)].
  public CompletableFuture<EmbedResponse> embedAsync(EmbedRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getEmbedMethod(), request, deadline);
  }

  /// The entities of a text, in its order; neighbours of the same label are joined.
  public List<Entity> tag(String text) {
    return await(tagAsync(text));
  }

  /// The entities of each text, in the order of the texts.
  public List<Outcome<List<Entity>>> tag(List<String> texts) {
    return await(tagAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public TagResponse tag(TagRequest request) {
    return await(tagAsync(request));
  }

  /// As [#tag(String)].
  public CompletableFuture<List<Entity>> tagAsync(String text) {
    return then(tagAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#tag(List)].
  public CompletableFuture<List<Outcome<List<Entity>>>> tagAsync(List<String> texts) {
    TagRequest request =
        TagRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        tagAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::entities));
  }

  /// As [#tag(TagRequest)].
  public CompletableFuture<TagResponse> tagAsync(TagRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getTagMethod(), request, deadline);
  }

  /// The five best tokens for each mask of a text.
  public List<FilledMask> fillMask(String text) {
    return await(fillMaskAsync(text));
  }

  /// The five best tokens for each mask of each text, in the order of the texts.
  public List<Outcome<List<FilledMask>>> fillMask(List<String> texts) {
    return await(fillMaskAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public FillMaskResponse fillMask(FillMaskRequest request) {
    return await(fillMaskAsync(request));
  }

  /// As [#fillMask(String)].
  public CompletableFuture<List<FilledMask>> fillMaskAsync(String text) {
    return then(fillMaskAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#fillMask(List)].
  public CompletableFuture<List<Outcome<List<FilledMask>>>> fillMaskAsync(List<String> texts) {
    FillMaskRequest request =
        FillMaskRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        fillMaskAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::masks));
  }

  /// As [#fillMask(FillMaskRequest)].
  public CompletableFuture<FillMaskResponse> fillMaskAsync(FillMaskRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getFillMaskMethod(), request, deadline);
  }

  /// The given labels by how well they fit a text, best first; their scores sum to 1.
  public List<LabelScore> zeroShot(String text, List<String> labels) {
    return await(zeroShotAsync(text, labels));
  }

  /// The given labels by how well they fit each text, in the order of the texts.
  public List<Outcome<List<LabelScore>>> zeroShot(List<String> texts, List<String> labels) {
    return await(zeroShotAsync(texts, labels));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public ZeroShotResponse zeroShot(ZeroShotRequest request) {
    return await(zeroShotAsync(request));
  }

  /// As [#zeroShot(String, List)].
  public CompletableFuture<List<LabelScore>> zeroShotAsync(String text, List<String> labels) {
    return then(zeroShotAsync(List.of(text), labels), outcomes -> outcomes.getFirst().get());
  }

  /// As [#zeroShot(List, List)].
  public CompletableFuture<List<Outcome<List<LabelScore>>>> zeroShotAsync(
      List<String> texts, List<String> labels) {
    ZeroShotRequest request =
        ZeroShotRequest.newBuilder()
            .setModel(model)
            .addAllInputs(inputs(texts))
            .addAllLabels(labels)
            .build();
    return then(
        zeroShotAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::labels));
  }

  /// As [#zeroShot(ZeroShotRequest)].
  public CompletableFuture<ZeroShotResponse> zeroShotAsync(ZeroShotRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getZeroShotMethod(), request, deadline);
  }

  /// The three sentences that stand for a text, in its order.
  public List<SummarySentence> summarize(String text) {
    return await(summarizeAsync(text));
  }

  /// The three sentences that stand for each text, in the order of the texts.
  public List<Outcome<List<SummarySentence>>> summarize(List<String> texts) {
    return await(summarizeAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public SummarizeResponse summarize(SummarizeRequest request) {
    return await(summarizeAsync(request));
  }

  /// As [#summarize(String)].
  public CompletableFuture<List<SummarySentence>> summarizeAsync(String text) {
    return then(summarizeAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#summarize(List)].
  public CompletableFuture<List<Outcome<List<SummarySentence>>>> summarizeAsync(
      List<String> texts) {
    SummarizeRequest request =
        SummarizeRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        summarizeAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::sentences));
  }

  /// As [#summarize(SummarizeRequest)].
  public CompletableFuture<SummarizeResponse> summarizeAsync(SummarizeRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getSummarizeMethod(), request, deadline);
  }

  /// The best answer to a question in a context of any length; its span is where it stands.
  public AnswerSpan answer(String question, String context) {
    return await(answerAsync(question, context));
  }

  /// The best answer to each question, in the order of the questions.
  public List<Outcome<List<AnswerSpan>>> answer(List<Question> questions) {
    return await(answerAsync(questions));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public AnswerResponse answer(AnswerRequest request) {
    return await(answerAsync(request));
  }

  /// As [#answer(String, String)].
  public CompletableFuture<AnswerSpan> answerAsync(String question, String context) {
    Question asked = Question.newBuilder().setQuestion(question).setContext(context).build();
    return then(
        answerAsync(List.of(asked)),
        outcomes -> {
          List<AnswerSpan> answers = outcomes.getFirst().get();
          return answers.isEmpty() ? AnswerSpan.getDefaultInstance() : answers.getFirst();
        });
  }

  /// As [#answer(List)].
  public CompletableFuture<List<Outcome<List<AnswerSpan>>>> answerAsync(List<Question> questions) {
    AnswerRequest request =
        AnswerRequest.newBuilder().setModel(model).addAllInputs(questions).build();
    return then(
        answerAsync(request),
        response -> outcomes(questions.size(), response.getResultsList(), CoffeyClient::answers));
  }

  /// As [#answer(AnswerRequest)].
  public CompletableFuture<AnswerResponse> answerAsync(AnswerRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getAnswerMethod(), request, deadline);
  }

  /// The documents by their relevance to a query, best first; those with a fault of their own come
  /// last. A result's index is the document's place in the list.
  public List<RankResult> rank(String query, List<String> documents) {
    return await(rankAsync(query, documents));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public RankResponse rank(RankRequest request) {
    return await(rankAsync(request));
  }

  /// As [#rank(String, List)].
  public CompletableFuture<List<RankResult>> rankAsync(String query, List<String> documents) {
    RankRequest request =
        RankRequest.newBuilder().setModel(model).setQuery(query).addAllDocuments(documents).build();
    return then(rankAsync(request), RankResponse::getResultsList);
  }

  /// As [#rank(RankRequest)].
  public CompletableFuture<RankResponse> rankAsync(RankRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getRankMethod(), request, deadline);
  }

  /// A stream of requests of all kinds, which name their own models.
  public CoffeyStream stream() {
    return CoffeyStream.open(connection);
  }

  /// The tokens of a text, specials included.
  public List<Token> tokenize(String text) {
    return await(tokenizeAsync(text));
  }

  /// The tokens of each text, in the order of the texts.
  public List<Outcome<List<Token>>> tokenize(List<String> texts) {
    return await(tokenizeAsync(texts));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public TokenizeResponse tokenize(TokenizeRequest request) {
    return await(tokenizeAsync(request));
  }

  /// As [#tokenize(String)].
  public CompletableFuture<List<Token>> tokenizeAsync(String text) {
    return then(tokenizeAsync(List.of(text)), outcomes -> outcomes.getFirst().get());
  }

  /// As [#tokenize(List)].
  public CompletableFuture<List<Outcome<List<Token>>>> tokenizeAsync(List<String> texts) {
    TokenizeRequest request =
        TokenizeRequest.newBuilder().setModel(model).addAllInputs(inputs(texts)).build();
    return then(
        tokenizeAsync(request),
        response -> outcomes(texts.size(), response.getResultsList(), CoffeyClient::tokens));
  }

  /// As [#tokenize(TokenizeRequest)].
  public CompletableFuture<TokenizeResponse> tokenizeAsync(TokenizeRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getTokenizeMethod(), request, deadline);
  }

  /// The text of token ids, without their special tokens.
  public String detokenize(List<Integer> ids) {
    return await(detokenizeAsync(ids));
  }

  /// The answer to a request with all its options. The request is sent as it is: it names its own
  /// model.
  public DetokenizeResponse detokenize(DetokenizeRequest request) {
    return await(detokenizeAsync(request));
  }

  /// As [#detokenize(List)].
  public CompletableFuture<String> detokenizeAsync(List<Integer> ids) {
    DetokenizeRequest request =
        DetokenizeRequest.newBuilder()
            .setModel(model)
            .addInputs(TokenIds.newBuilder().addAllIds(ids))
            .build();
    return then(
        detokenizeAsync(request),
        response -> outcomes(1, response.getResultsList(), CoffeyClient::text).getFirst().get());
  }

  /// As [#detokenize(DetokenizeRequest)].
  public CompletableFuture<DetokenizeResponse> detokenizeAsync(DetokenizeRequest request) {
    return Call.start(connection, InferenceServiceGrpc.getDetokenizeMethod(), request, deadline);
  }

  /// The models that the server has, by name and then by version.
  public List<ModelSummary> listModels() {
    return await(listModelsAsync());
  }

  /// As [#listModels].
  public CompletableFuture<List<ModelSummary>> listModelsAsync() {
    return then(
        Call.start(
            connection,
            ModelServiceGrpc.getListModelsMethod(),
            ListModelsRequest.getDefaultInstance(),
            deadline),
        ListModelsResponse::getModelsList);
  }

  /// One model in detail, in its newest version. The name may be empty where the server has just
  /// one model.
  public GetModelResponse getModel(String name) {
    return await(getModelAsync(name));
  }

  /// One model in detail.
  public GetModelResponse getModel(GetModelRequest request) {
    return await(getModelAsync(request));
  }

  /// As [#getModel(String)].
  public CompletableFuture<GetModelResponse> getModelAsync(String name) {
    return getModelAsync(GetModelRequest.newBuilder().setModel(name).build());
  }

  /// As [#getModel(GetModelRequest)].
  public CompletableFuture<GetModelResponse> getModelAsync(GetModelRequest request) {
    return Call.start(connection, ModelServiceGrpc.getGetModelMethod(), request, deadline);
  }

  /// Has the server load a model of its folder, in its newest version, once more if it is loaded.
  /// Returns when the model answers.
  public ModelSummary loadModel(String name) {
    return await(loadModelAsync(LoadModelRequest.newBuilder().setModel(name).build())).getSummary();
  }

  /// As [#loadModel], of any version.
  public CompletableFuture<LoadModelResponse> loadModelAsync(LoadModelRequest request) {
    return Call.start(connection, ModelServiceGrpc.getLoadModelMethod(), request, deadline);
  }

  /// Has the server unload all versions of a model, once what waits for it is answered.
  public void unloadModel(String name) {
    var _ = await(unloadModelAsync(UnloadModelRequest.newBuilder().setModel(name).build()));
  }

  /// As [#unloadModel], of one version or all.
  public CompletableFuture<UnloadModelResponse> unloadModelAsync(UnloadModelRequest request) {
    return Call.start(connection, ModelServiceGrpc.getUnloadModelMethod(), request, deadline);
  }

  /// The connection, for generated stubs: `InferenceServiceGrpc.newStub(client.channel())`. Calls
  /// made with them have neither this client's deadline nor its retries.
  public Channel channel() {
    return connection.channel();
  }

  /// Waits up to 5 s for open calls, then cancels them.
  @Override
  public void close() {
    connection.close();
  }

  private static Duration positive(Duration deadline) {
    if (deadline.isNegative() || deadline.isZero()) {
      throw new IllegalArgumentException("deadline must be longer than 0, got " + deadline);
    }
    return deadline;
  }

  private static List<Input> inputs(List<String> texts) {
    return texts.stream().map(text -> Input.newBuilder().setText(text).build()).toList();
  }

  private static <R, T> List<Outcome<T>> outcomes(
      int texts, List<R> results, Function<R, Outcome<T>> outcome) {
    if (results.size() != texts) {
      throw CoffeyException.ofClient(
          Status.Code.INTERNAL,
          "the server answered %d texts with %d results".formatted(texts, results.size()));
    }
    return results.stream().map(outcome).toList();
  }

  private static Outcome<List<LabelScore>> labels(ClassifyResult result) {
    return switch (result.getOutcomeCase()) {
      case CLASSIFICATION -> done(result.getClassification().getLabelsList(), result.getUsage());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<float[]> vector(EmbedResult result) {
    return switch (result.getOutcomeCase()) {
      case EMBEDDING -> {
        List<Float> values = result.getEmbedding().getValuesList();
        float[] vector = new float[values.size()];
        for (int i = 0; i < vector.length; i++) {
          vector[i] = values.get(i);
        }
        yield done(vector, result.getUsage());
      }
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case TOKEN_EMBEDDINGS, OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<List<Token>> tokens(TokenizeResult result) {
    return switch (result.getOutcomeCase()) {
      case TOKENS -> {
        List<Token> tokens = result.getTokens().getTokensList();
        yield new Outcome.Done<>(tokens, tokens.size(), 0);
      }
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<List<Entity>> entities(TagResult result) {
    return switch (result.getOutcomeCase()) {
      case TAGGING -> done(result.getTagging().getEntitiesList(), result.getUsage());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<List<FilledMask>> masks(FillMaskResult result) {
    return switch (result.getOutcomeCase()) {
      case MASKS -> done(result.getMasks().getMasksList(), result.getUsage());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<List<SummarySentence>> sentences(SummarizeResult result) {
    return switch (result.getOutcomeCase()) {
      case SUMMARY -> done(result.getSummary().getSentencesList(), result.getUsage());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<List<AnswerSpan>> answers(AnswerResult result) {
    return switch (result.getOutcomeCase()) {
      case ANSWERS -> done(result.getAnswers().getAnswersList(), result.getUsage());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static Outcome<String> text(DetokenizeResult result) {
    return switch (result.getOutcomeCase()) {
      case TEXT -> done(result.getText(), TokenUsage.getDefaultInstance());
      case ERROR -> new Outcome.Failed<>(CoffeyException.ofItem(result.getError()));
      case OUTCOME_NOT_SET -> unset();
    };
  }

  private static <T> Outcome<T> done(T value, TokenUsage usage) {
    return new Outcome.Done<>(value, usage.getRead(), usage.getCut());
  }

  private static <T> Outcome<T> unset() {
    return new Outcome.Failed<>(
        CoffeyException.ofClient(
            Status.Code.INTERNAL,
            "the server's result is of a kind that this client doesn't know"));
  }

  /// Maps a call's answer; cancelling the returned future cancels the call, which `thenApply` alone
  /// would not.
  private static <S, T> CompletableFuture<T> then(
      CompletableFuture<S> call, Function<S, T> mapping) {
    CompletableFuture<T> mapped = new CompletableFuture<>();
    var _ =
        call.whenComplete((answer, failure) -> {
          if (failure != null) {
            mapped.completeExceptionally(failure);
            return;
          }
          try {
            mapped.complete(mapping.apply(answer));
          } catch (CoffeyException e) {
            mapped.completeExceptionally(e);
          }
        });
    var _ =
        mapped.whenComplete((_, _) -> {
          if (mapped.isCancelled()) {
            call.cancel(false);
          }
        });
    return mapped;
  }

  private static <T> T await(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException _) {
      future.cancel(false);
      Thread.currentThread().interrupt();
      throw CoffeyException.ofClient(Status.Code.CANCELLED, "the calling thread was interrupted");
    } catch (CancellationException _) {
      throw CoffeyException.ofClient(Status.Code.CANCELLED, "the call was cancelled");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof CoffeyException known
          ? known
          : new IllegalStateException(e.getCause());
    }
  }

  /// Settings of a client. Plaintext unless [#tls] is called.
  public static final class Builder {
    private static final Duration DEADLINE = Duration.ofSeconds(30);

    private final String target;
    private String model = "";
    private Duration deadline = DEADLINE;
    private RetryPolicy retry = RetryPolicy.STANDARD;
    private int maxMessageBytes = 64 << 20;
    private boolean tls;
    private @Nullable Path trusted;
    private @Nullable Path certificate;
    private @Nullable Path key;
    private @Nullable String authority;

    private Builder(String target) {
      if (target.isBlank()) {
        throw new IllegalArgumentException("target must be host:port, got nothing");
      }
      this.target = target;
    }

    /// The model that calls name; by default none, which will do where just one loaded model has
    /// the task.
    public Builder model(String model) {
      this.model = model;
      return this;
    }

    /// How long a call may take, retries included; by default 30 s. The server refuses at once what
    /// it can't answer in time.
    public Builder deadline(Duration deadline) {
      this.deadline = positive(deadline);
      return this;
    }

    /// When calls are tried again; by default [RetryPolicy#STANDARD].
    public Builder retry(RetryPolicy retry) {
      this.retry = retry;
      return this;
    }

    /// The largest answer accepted, in bytes; by default 64 MiB, as the server's
    /// `limits.response-size`.
    public Builder maxMessageBytes(int maxMessageBytes) {
      if (maxMessageBytes < 1024) {
        throw new IllegalArgumentException(
            "maxMessageBytes must be at least 1024, got " + maxMessageBytes);
      }
      this.maxMessageBytes = maxMessageBytes;
      return this;
    }

    /// Encrypts, and trusts the authorities that the JDK trusts.
    public Builder tls() {
      tls = true;
      return this;
    }

    /// Encrypts, and trusts the authorities in `file` (PEM) only.
    public Builder tls(Path file) {
      tls = true;
      trusted = file;
      return this;
    }

    /// Shows the server a certificate (a chain in PEM, and its PKCS #8 key in PEM), for servers
    /// that ask for one.
    public Builder clientCertificate(Path certificate, Path key) {
      tls = true;
      this.certificate = certificate;
      this.key = key;
      return this;
    }

    /// The host name that the server's certificate must be for, where it isn't the target's.
    public Builder authority(String authority) {
      this.authority = authority;
      return this;
    }

    /// Connects with the first call, not here.
    ///
    /// @throws UncheckedIOException if a certificate or key can't be read
    public CoffeyClient build() {
      ManagedChannelBuilder<?> channel =
          Grpc.newChannelBuilder(target, credentials())
              .maxInboundMessageSize(maxMessageBytes)
              // Behind a headless service each pod is an address; pick_first would send everything
              // to one.
              .defaultLoadBalancingPolicy("round_robin")
              .disableServiceConfigLookUp();
      if (authority != null) {
        channel.overrideAuthority(authority);
      }
      return new CoffeyClient(
          new Connection(target, channel.build(), retry, new RetryBudget()), model, deadline);
    }

    private ChannelCredentials credentials() {
      if (!tls) {
        return InsecureChannelCredentials.create();
      }
      TlsChannelCredentials.Builder credentials = TlsChannelCredentials.newBuilder();
      try {
        if (trusted != null) {
          credentials.trustManager(trusted.toFile());
        }
        if (certificate != null && key != null) {
          credentials.keyManager(certificate.toFile(), key.toFile());
        }
      } catch (IOException e) {
        throw new UncheckedIOException("can't read the TLS files: " + e.getMessage(), e);
      }
      return credentials.build();
    }
  }
}
