package dev.coffey.server.grpc;

import com.google.protobuf.util.Durations;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.task.Embedding;
import dev.coffey.model.task.LabelScore;
import dev.coffey.model.tokenize.TokenizedText;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.Classification;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.DetokenizeResponse;
import dev.coffey.proto.v1.DetokenizeResult;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.ResponseInfo;
import dev.coffey.proto.v1.Span;
import dev.coffey.proto.v1.StreamRequest;
import dev.coffey.proto.v1.StreamResponse;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.Timing;
import dev.coffey.proto.v1.Token;
import dev.coffey.proto.v1.TokenEmbeddings;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.proto.v1.TokenUsage;
import dev.coffey.proto.v1.TokenizeRequest;
import dev.coffey.proto.v1.TokenizeResponse;
import dev.coffey.proto.v1.TokenizeResult;
import dev.coffey.proto.v1.Tokens;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.Inference.Answer;
import dev.coffey.server.grpc.Inference.Result;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.ModelTask;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// `coffey.v1.InferenceService`: the typed API, one method a task. A text's own fault is the status
/// of its result; all else ends the call.
final class InferenceService extends InferenceServiceGrpc.InferenceServiceImplBase {
  private final ModelRegistry registry;
  private final Inference inference;
  private final GrpcConfig config;

  InferenceService(ModelRegistry registry, Inference inference, GrpcConfig config) {
    this.registry = registry;
    this.inference = inference;
    this.config = config;
  }

  // ---- classify

  @Override
  public void classify(ClassifyRequest request, StreamObserver<ClassifyResponse> observer) {
    Replies.later(
        observer,
        () -> {
          InputReader.checkCount(request.getInputsCount(), config.maxTexts());
          RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
          ModelHandle handle =
              registry.find(
                  request.getModel(), request.getVersion(), Optional.of(ModelTask.CLASSIFY));
          ScoreFunction function = scoreFunction(request, handle);
          InputReader reader =
              new InputReader(handle, options.truncation(), List.of(new Readout.Head()), "");
          return inference
              .run(
                  handle,
                  () -> reader.read(request.getInputsList()),
                  options.priority(),
                  inference.deadlineNanos(Optional.empty()))
              .thenApply(answer -> classified(handle, function, topK(request), answer));
        });
  }

  /// uint32: a number above the largest int, which arrives as a negative one, asks for all.
  private static int topK(ClassifyRequest request) {
    return Math.max(0, request.getTopK());
  }

  private static ScoreFunction scoreFunction(ClassifyRequest request, ModelHandle handle) {
    return switch (request.getActivation()) {
      case SCORE_ACTIVATION_UNSPECIFIED -> handle.config().scoreFunction();
      case SCORE_ACTIVATION_SOFTMAX -> ScoreFunction.SOFTMAX;
      case SCORE_ACTIVATION_SIGMOID -> ScoreFunction.SIGMOID;
      case SCORE_ACTIVATION_NONE -> ScoreFunction.NONE;
      case UNRECOGNIZED ->
          throw RequestOptionsReader.unknown("activation", request.getActivationValue());
    };
  }

  private static ClassifyResponse classified(
      ModelHandle handle, ScoreFunction function, int topK, Answer answer) {
    ClassifyResponse.Builder response = ClassifyResponse.newBuilder().setInfo(info(handle, answer));
    List<String> labels = handle.config().labels();
    for (Result result : answer.results()) {
      ClassifyResult.Builder item = response.addResultsBuilder();
      switch (result) {
        case Result.Computed computed -> {
          item.setUsage(usage(computed));
          Classification.Builder scores = item.getClassificationBuilder();
          for (LabelScore score :
              dev.coffey.model.task.Classification.labels(
                  computed.outputs().getFirst().values(), labels, function, topK)) {
            scores
                .addLabelsBuilder()
                .setLabel(score.label())
                .setScore(score.score())
                .setIndex(score.index());
          }
        }
        case Result.Refused(InvalidArgument fault) -> item.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }

  // ---- embed

  @Override
  public void embed(EmbedRequest request, StreamObserver<EmbedResponse> observer) {
    Replies.later(
        observer,
        () -> {
          InputReader.checkCount(request.getInputsCount(), config.maxTexts());
          RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
          ModelHandle handle =
              registry.find(request.getModel(), request.getVersion(), Optional.of(ModelTask.EMBED));
          Vectors vectors = Vectors.of(request, handle);
          InputReader reader =
              new InputReader(
                  handle,
                  options.truncation(),
                  List.of(vectors.readout()),
                  handle.embedding().prompt());
          return inference
              .run(
                  handle,
                  () -> {
                    List<Inference.Item> items = reader.read(request.getInputsList());
                    vectors.checkSize(items, config.maxResponseBytes());
                    return items;
                  },
                  options.priority(),
                  inference.deadlineNanos(Optional.empty()))
              .thenApply(answer -> embedded(handle, vectors, answer));
        });
  }

  private static EmbedResponse embedded(ModelHandle handle, Vectors vectors, Answer answer) {
    EmbedResponse.Builder response = EmbedResponse.newBuilder().setInfo(info(handle, answer));
    for (Result result : answer.results()) {
      EmbedResult.Builder item = response.addResultsBuilder();
      switch (result) {
        case Result.Computed computed -> {
          item.setUsage(usage(computed));
          try {
            encode(vectors, computed.outputs().getFirst(), item);
          } catch (IllegalArgumentException e) {
            // FP16 can't hold a number of it.
            item.setError(
                StatusMapper.status(
                    new InvalidArgument("encoding", String.valueOf(e.getMessage()))));
          }
        }
        case Result.Refused(InvalidArgument fault) -> item.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }

  private static void encode(Vectors vectors, Matrix matrix, EmbedResult.Builder item) {
    if (!vectors.perToken()) {
      item.setEmbedding(vectors.encode(matrix, 0));
      return;
    }
    TokenEmbeddings.Builder tokens = TokenEmbeddings.newBuilder();
    for (int row = 0; row < matrix.rows(); row++) {
      tokens.addTokens(vectors.encode(matrix, row));
    }
    item.setTokenEmbeddings(tokens);
  }

  /// Which vectors a request wants, and how they are sent.
  ///
  /// @param normalizeLater whether vectors are scaled here, since they are cut first
  private record Vectors(
      Readout readout,
      boolean perToken,
      int dimensions,
      boolean normalizeLater,
      VectorEncoder encoder) {

    static Vectors of(EmbedRequest request, ModelHandle handle) {
      EmbeddingDefaults defaults = handle.embedding();
      boolean perToken = request.getPerToken();
      List<Pooling> poolings =
          switch (request.getPooling()) {
            case POOLING_MODE_UNSPECIFIED -> defaults.poolings();
            case POOLING_MODE_CLS -> List.of(Pooling.CLS);
            case POOLING_MODE_MEAN -> List.of(Pooling.MEAN);
            case POOLING_MODE_MAX -> List.of(Pooling.MAX);
            case POOLING_MODE_MEAN_SQRT_LEN -> List.of(Pooling.MEAN_SQRT_LEN);
            case POOLING_MODE_WEIGHTED_MEAN -> List.of(Pooling.WEIGHTED_MEAN);
            case POOLING_MODE_LAST_TOKEN -> List.of(Pooling.LAST_TOKEN);
            case UNRECOGNIZED ->
                throw RequestOptionsReader.unknown("pooling", request.getPoolingValue());
          };
      if (perToken && request.getPoolingValue() != 0) {
        throw new InvalidArgument(
            "pooling", "pooling is set, but per_token asks for vectors that are not pooled");
      }
      boolean normalize =
          switch (request.getNormalization()) {
            // The folder's scaling is of the pooled vector.
            case NORMALIZATION_UNSPECIFIED -> !perToken && defaults.normalize();
            case NORMALIZATION_ON -> true;
            case NORMALIZATION_OFF -> false;
            case UNRECOGNIZED ->
                throw RequestOptionsReader.unknown(
                    "normalization", request.getNormalizationValue());
          };
      VectorEncoder encoder = VectorEncoder.of(request.getEncoding(), request.getEncodingValue());
      int full = perToken ? handle.hiddenSize() : handle.hiddenSize() * poolings.size();
      int dimensions = request.getDimensions();
      if (dimensions < 0 || dimensions > full) {
        throw new InvalidArgument(
            "dimensions",
            "%s dimensions; this model's vectors have %d"
                .formatted(Integer.toUnsignedString(dimensions), full));
      }
      boolean cut = dimensions != 0 && dimensions < full;
      Readout readout =
          perToken ? new Readout.Hidden() : new Readout.Pooled(poolings, normalize && !cut);
      return new Vectors(
          readout, perToken, cut ? dimensions : full, normalize && (perToken || cut), encoder);
    }

    /// Refuses what would become a larger response than clients take.
    void checkSize(List<Inference.Item> items, int most) {
      long vectors = 0;
      for (Inference.Item item : items) {
        if (item instanceof Inference.Item.Ready(var input, int _)) {
          vectors += perToken ? input.tokens() : 1;
        }
      }
      ResponseSize.check(vectors * dimensions * Float.BYTES, most);
    }

    dev.coffey.proto.v1.Embedding encode(Matrix matrix, int row) {
      int start = row * matrix.columns();
      float[] vector = Arrays.copyOfRange(matrix.values(), start, start + matrix.columns());
      return encoder.encode(Embedding.of(vector, dimensions, normalizeLater));
    }
  }

  // ---- tokens

  @Override
  public void tokenize(TokenizeRequest request, StreamObserver<TokenizeResponse> observer) {
    Replies.now(
        observer,
        () -> {
          InputReader.checkCount(request.getInputsCount(), config.maxTexts());
          ModelHandle handle =
              registry.find(request.getModel(), request.getVersion(), Optional.empty());
          Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
          long start = System.nanoTime();
          TokenizeResponse.Builder response = TokenizeResponse.newBuilder();
          for (int i = 0; i < request.getInputsCount(); i++) {
            response.addResults(
                tokens(tokenizer, request.getInputs(i), i, !request.getWithoutSpecials()));
          }
          TokenizeResponse built =
              response.setInfo(info(handle, System.nanoTime() - start)).build();
          ResponseSize.check(built.getSerializedSize(), config.maxResponseBytes());
          return built;
        });
  }

  private static TokenizeResult tokens(
      Tokenizer tokenizer, Input input, int index, boolean specials) {
    String field = "inputs[" + index + "]";
    try {
      return switch (input.getKindCase()) {
        case TEXT -> tokens(tokenizer, input.getText(), null, specials);
        case PAIR ->
            tokens(tokenizer, input.getPair().getFirst(), input.getPair().getSecond(), specials);
        case IDS ->
            throw new InvalidArgument(field, "token ids can't be tokenized; send text or pair");
        case KIND_NOT_SET -> throw new InvalidArgument(field, "empty input; set text or pair");
      };
    } catch (InvalidArgument fault) {
      return TokenizeResult.newBuilder().setError(StatusMapper.status(fault)).build();
    } catch (IllegalArgumentException e) {
      return TokenizeResult.newBuilder()
          .setError(StatusMapper.status(new InvalidArgument(field, String.valueOf(e.getMessage()))))
          .build();
    }
  }

  private static TokenizeResult tokens(
      Tokenizer tokenizer, String first, @Nullable String second, boolean specials) {
    // Any length: a caller may want to count the tokens of a text that is too long for the model.
    TokenizedText text =
        tokenizer.tokenize(first, second, specials, Truncation.NONE, Integer.MAX_VALUE);
    CodePoints firsts = new CodePoints(first);
    CodePoints seconds = second == null ? firsts : new CodePoints(second);
    Tokens.Builder tokens = Tokens.newBuilder();
    for (dev.coffey.model.tokenize.Token token : text.tokens()) {
      Token.Builder target =
          tokens
              .addTokensBuilder()
              .setId(token.id())
              .setPiece(token.piece())
              .setTypeId(token.type())
              .setSpecial(token.special());
      if (!token.special()) {
        CodePoints whole = token.sequence() == 1 ? seconds : firsts;
        target.setSpan(
            Span.newBuilder()
                .setText(whole.piece(token.start(), token.end()))
                .setStart(token.start())
                .setEnd(token.end())
                .setStartByte(token.byteStart())
                .setEndByte(token.byteEnd()));
      }
    }
    return TokenizeResult.newBuilder().setTokens(tokens).build();
  }

  @Override
  public void detokenize(DetokenizeRequest request, StreamObserver<DetokenizeResponse> observer) {
    Replies.now(
        observer,
        () -> {
          InputReader.checkCount(request.getInputsCount(), config.maxTexts());
          ModelHandle handle =
              registry.find(request.getModel(), request.getVersion(), Optional.empty());
          Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
          long start = System.nanoTime();
          DetokenizeResponse.Builder response = DetokenizeResponse.newBuilder();
          for (int i = 0; i < request.getInputsCount(); i++) {
            response.addResults(
                text(tokenizer, request.getInputs(i), i, !request.getKeepSpecials()));
          }
          return response.setInfo(info(handle, System.nanoTime() - start)).build();
        });
  }

  private static DetokenizeResult text(
      Tokenizer tokenizer, TokenIds sent, int index, boolean skipSpecials) {
    int[] ids = new int[sent.getIdsCount()];
    Arrays.setAll(ids, sent::getIds);
    try {
      return DetokenizeResult.newBuilder().setText(tokenizer.decode(ids, skipSpecials)).build();
    } catch (IllegalArgumentException e) {
      return DetokenizeResult.newBuilder()
          .setError(
              StatusMapper.status(
                  new InvalidArgument("inputs[" + index + "].ids", String.valueOf(e.getMessage()))))
          .build();
    }
  }

  // ---- what every answer has

  private static TokenUsage usage(Result.Computed computed) {
    return TokenUsage.newBuilder()
        .setRead(computed.input().tokens())
        .setCut(computed.cut())
        .build();
  }

  private static ResponseInfo info(ModelHandle handle, Answer answer) {
    return ResponseInfo.newBuilder()
        .setModel(handle.name())
        .setVersion(handle.version())
        .setTiming(
            Timing.newBuilder()
                .setTokenize(Durations.fromNanos(answer.tokenizeNanos()))
                .setQueue(Durations.fromNanos(answer.queueNanos()))
                .setCompute(Durations.fromNanos(answer.computeNanos()))
                .setBatchTokens(answer.batchTokens())
                .setBatchTexts(answer.batchTexts()))
        .build();
  }

  private static ResponseInfo info(ModelHandle handle, long tokenizeNanos) {
    return ResponseInfo.newBuilder()
        .setModel(handle.name())
        .setVersion(handle.version())
        .setTiming(Timing.newBuilder().setTokenize(Durations.fromNanos(tokenizeNanos)))
        .build();
  }

  // ---- not served yet

  @Override
  public void rank(RankRequest request, StreamObserver<RankResponse> observer) {
    unimplemented("Rank", observer);
  }

  @Override
  public void tag(TagRequest request, StreamObserver<TagResponse> observer) {
    unimplemented("Tag", observer);
  }

  @Override
  public void answer(AnswerRequest request, StreamObserver<AnswerResponse> observer) {
    unimplemented("Answer", observer);
  }

  @Override
  public void fillMask(FillMaskRequest request, StreamObserver<FillMaskResponse> observer) {
    unimplemented("FillMask", observer);
  }

  @Override
  public void zeroShot(ZeroShotRequest request, StreamObserver<ZeroShotResponse> observer) {
    unimplemented("ZeroShot", observer);
  }

  @Override
  public void summarize(SummarizeRequest request, StreamObserver<SummarizeResponse> observer) {
    unimplemented("Summarize", observer);
  }

  @Override
  public StreamObserver<StreamRequest> stream(StreamObserver<StreamResponse> observer) {
    unimplemented("Stream", observer);
    return new StreamObserver<>() {
      @Override
      public void onNext(StreamRequest request) {}

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {}
    };
  }

  private static void unimplemented(String method, StreamObserver<?> observer) {
    observer.onError(
        Status.UNIMPLEMENTED
            .withDescription(
                "coffey.v1 %s is not served yet; this version serves Classify, Embed, Tokenize and Detokenize, and every head's logits over inference.GRPCInferenceService/ModelInfer"
                    .formatted(method))
            .asRuntimeException());
  }
}
