package dev.coffey.server.grpc;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.task.Embedding;
import dev.coffey.model.task.PreparedTask;
import dev.coffey.model.task.TextFit;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Normalization;
import dev.coffey.proto.v1.TokenEmbeddings;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;

/// A vector for each text, or for each token.
final class EmbedTask implements TypedTask<EmbedRequest, EmbedResponse> {
  private final TaskRunner runner;

  EmbedTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<EmbedResponse> answer(EmbedRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.EMBED);
    Vectors vectors = Vectors.of(request, handle);
    TextFit fit = options.fit(handle);
    if (vectors.perToken() && fit instanceof TextFit.Windows) {
      throw new InvalidArgument(
          "per_token",
          "the vectors of tokens can't be read in windows: truncate, or send shorter texts");
    }
    InputReader reader = new InputReader(handle, fit, prompt(request, handle.embedding()));
    return runner.run(
        handle,
        options,
        InputReader.leastTokens(request.getInputsList()),
        () -> {
          List<Work<EmbedResult>> works =
              Work.each(
                  request.getInputsList(),
                  "inputs",
                  (input, field) -> vectors.prepare(reader.read(input, field)));
          runner.checkResponse(vectors.bytes(works));
          return works;
        },
        EmbedTask::response);
  }

  private static String prompt(EmbedRequest request, EmbeddingDefaults defaults) {
    return switch (request.getPromptChoiceCase()) {
      case PROMPT -> request.getPrompt();
      case PROMPT_NAME -> {
        String prompt = defaults.prompts().get(request.getPromptName());
        if (prompt == null) {
          throw new InvalidArgument(
              "prompt_name",
              "this model has no prompt '%s'; it has %s"
                  .formatted(
                      request.getPromptName(),
                      defaults.prompts().isEmpty()
                          ? "none"
                          : String.join(", ", new TreeSet<>(defaults.prompts().keySet()))));
        }
        yield prompt;
      }
      case PROMPTCHOICE_NOT_SET -> defaults.prompt();
    };
  }

  private static EmbedResponse response(Answer<EmbedResult> answer) {
    EmbedResponse.Builder response = EmbedResponse.newBuilder().setInfo(answer.info());
    for (Outcome<EmbedResult> outcome : answer.outcomes()) {
      switch (outcome) {
        case Outcome.Done<EmbedResult> done ->
            response.addResults(done.value().toBuilder().setUsage(TaskRunner.usage(done)));
        case Outcome.Failed<EmbedResult>(InvalidArgument fault) ->
            response.addResultsBuilder().setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }

  /// Which vectors a request wants, and how they are sent.
  ///
  /// @param pooled empty for a vector for each token
  /// @param dimensions how many numbers a vector has
  /// @param cut whether that is less than the model's
  /// @param normalize whether vectors are scaled to length 1 once they are cut
  private record Vectors(
      Optional<Readout.Pooled> pooled,
      int dimensions,
      boolean cut,
      boolean normalize,
      VectorEncoder encoder) {

    boolean perToken() {
      return pooled.isEmpty();
    }

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
      // A pooling that the request names leaves out the layers that the folder has for its own.
      boolean dense = defaults.dense() && request.getPoolingValue() == 0;
      Readout.Pooled pooled = new Readout.Pooled(poolings, dense, normalize);
      int full = perToken ? handle.hiddenSize() : handle.model().columns(pooled);
      int dimensions = request.getDimensions();
      if (dimensions < 0 || dimensions > full) {
        throw new InvalidArgument(
            "dimensions",
            "%s dimensions; this model's vectors have %d"
                .formatted(Integer.toUnsignedString(dimensions), full));
      }
      boolean cut = dimensions != 0 && dimensions < full;
      return new Vectors(
          perToken ? Optional.empty() : Optional.of(pooled),
          cut ? dimensions : full,
          cut,
          // As sentence-transformers: what the folder scales is not scaled again once it is cut,
          // unless that is asked for.
          request.getNormalization() == Normalization.NORMALIZATION_ON,
          encoder);
    }

    PreparedTask<EmbedResult> prepare(List<Encoding> windows) {
      return pooled
          .map(readout ->
              Embedding.prepare(windows, readout, cut ? dimensions : 0, normalize && cut)
                  .then(vector -> EmbedResult.newBuilder().setEmbedding(encode(vector)).build()))
          .orElseGet(() ->
              new PreparedTask<>(
                  List.of(TextInput.of(windows.getFirst(), List.of(new Readout.Hidden()))),
                  windows.getFirst().cut(),
                  outputs -> tokens(outputs.getFirst().getFirst())));
    }

    private EmbedResult tokens(Matrix hidden) {
      TokenEmbeddings.Builder tokens = TokenEmbeddings.newBuilder();
      for (int row = 0; row < hidden.rows(); row++) {
        tokens.addTokens(encode(Embedding.of(hidden.row(row), dimensions, normalize)));
      }
      return EmbedResult.newBuilder().setTokenEmbeddings(tokens).build();
    }

    /// @throws InvalidArgument if the encoding can't hold a number of it
    private dev.coffey.proto.v1.Embedding encode(float[] vector) {
      return Work.read("encoding", () -> encoder.encode(vector));
    }

    /// Bytes that the vectors of `works` take in a response.
    long bytes(List<Work<EmbedResult>> works) {
      long vectors = 0;
      for (Work<EmbedResult> work : works) {
        if (work instanceof Work.Ready<EmbedResult>(PreparedTask<EmbedResult> task)) {
          vectors += perToken() ? task.tokens() : 1;
        }
      }
      return vectors * dimensions * Float.BYTES;
    }
  }
}
