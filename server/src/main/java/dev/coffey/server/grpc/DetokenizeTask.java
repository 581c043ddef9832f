package dev.coffey.server.grpc;

import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.proto.v1.DetokenizeRequest;
import dev.coffey.proto.v1.DetokenizeResponse;
import dev.coffey.proto.v1.DetokenizeResult;
import dev.coffey.proto.v1.TokenIds;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.registry.ModelHandle;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/// Token ids to text.
final class DetokenizeTask implements TypedTask<DetokenizeRequest, DetokenizeResponse> {
  private final TaskRunner runner;

  DetokenizeTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<DetokenizeResponse> answer(DetokenizeRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    ModelHandle handle = runner.find(request.getModel(), request.getVersion());
    Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
    long start = System.nanoTime();
    DetokenizeResponse.Builder response = DetokenizeResponse.newBuilder();
    for (int i = 0; i < request.getInputsCount(); i++) {
      response.addResults(text(tokenizer, request.getInputs(i), i, !request.getKeepSpecials()));
    }
    return CompletableFuture.completedStage(
        response.setInfo(TaskRunner.info(handle, System.nanoTime() - start)).build());
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
}
