package dev.coffey.server.grpc;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.task.Embedding;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.TokenEmbeddings;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.Arrays;
import java.util.List;
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
    InputReader reader =
        new InputReader(
            handle, options.truncation(), List.of(vectors.readout()), handle.embedding().prompt());
    return runner.run(
        handle,
        options,
        () -> {
          List<Work<EmbedResult>> works =
              Work.each(
                  request.getInputsList(),
                  "inputs",
                  (input, field) ->
                      reader
                          .read(input, field)
                          .work(outputs -> vectors.result(outputs.getFirst())));
          runner.checkResponse(vectors.bytes(works));
          return works;
        },
        EmbedTask::response);
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
      Readout readout = perToken ? new Readout.Hidden() : pooled.scaled(normalize && !cut);
      return new Vectors(
          readout, perToken, cut ? dimensions : full, normalize && (perToken || cut), encoder);
    }

    /// Bytes that the vectors of `works` take in a response.
    long bytes(List<? extends Work<?>> works) {
      long vectors = 0;
      for (Work<?> work : works) {
        if (work instanceof Work.Ready<?> ready) {
          vectors += perToken ? ready.texts().getFirst().tokens() : 1;
        }
      }
      return vectors * dimensions * Float.BYTES;
    }

    dev.coffey.proto.v1.Embedding vector(Matrix matrix, int row) {
      int start = row * matrix.columns();
      float[] vector = Arrays.copyOfRange(matrix.values(), start, start + matrix.columns());
      return encoder.encode(Embedding.of(vector, dimensions, normalizeLater));
    }

    /// An item's vector, or vectors; the usage is still to be set.
    ///
    /// @throws InvalidArgument if the encoding can't hold a number of it
    EmbedResult result(Matrix matrix) {
      try {
        if (!perToken) {
          return EmbedResult.newBuilder().setEmbedding(vector(matrix, 0)).build();
        }
        TokenEmbeddings.Builder tokens = TokenEmbeddings.newBuilder();
        for (int row = 0; row < matrix.rows(); row++) {
          tokens.addTokens(vector(matrix, row));
        }
        return EmbedResult.newBuilder().setTokenEmbeddings(tokens).build();
      } catch (IllegalArgumentException e) {
        throw new InvalidArgument("encoding", String.valueOf(e.getMessage()));
      }
    }
  }
}
