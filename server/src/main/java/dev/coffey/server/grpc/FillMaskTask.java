package dev.coffey.server.grpc;

import dev.coffey.model.Readout;
import dev.coffey.model.task.MaskCandidate;
import dev.coffey.model.task.MaskFilling;
import dev.coffey.model.task.PreparedTask;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.FillMaskRequest;
import dev.coffey.proto.v1.FillMaskResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.concurrent.CompletionStage;

/// Tokens for the masks of texts.
final class FillMaskTask implements TypedTask<FillMaskRequest, FillMaskResponse> {
  /// What a candidate takes in a response beside its sentence: numbers, the token, tags.
  private static final int CANDIDATE_BYTES = 40;

  private final TaskRunner runner;

  FillMaskTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<FillMaskResponse> answer(FillMaskRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    Truncation truncation = options.withoutWindows();
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.FILL_MASK);
    Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
    List<String> targets = request.getTargetsList();
    for (int i = 0; i < targets.size(); i++) {
      if (targets.get(i).isBlank()) {
        throw new InvalidArgument("targets[" + i + "]", "empty target; name a token");
      }
    }
    int vocabulary = handle.config().vocabSize();
    int topK =
        Math.min(
            Numbers.count(request.getTopK(), MaskFilling.DEFAULT_TOP_K),
            targets.isEmpty() ? vocabulary : targets.size());
    MaskFilling filling = new MaskFilling(tokenizer, handle.maxTokens());
    return runner.run(
        handle,
        options,
        request.getInputsCount(),
        () -> {
          Size size = new Size(topK, vocabulary);
          List<Work<List<List<MaskCandidate>>>> works =
              Work.each(
                  request.getInputsList(),
                  "inputs",
                  (input, field) -> {
                    String text = InputReader.text(input, field);
                    PreparedTask<List<List<MaskCandidate>>> task =
                        Work.read(
                            field + ".text",
                            () -> filling.prepare(text, truncation, topK, targets));
                    size.add(text, task);
                    return task;
                  });
          // The logits of a mask are a whole vocabulary.
          runner.checkResponse(Math.max(size.logitBytes, size.responseBytes));
          return works;
        },
        FillMaskTask::response);
  }

  /// What a request's masks take, so that it can be refused before it is computed.
  private static final class Size {
    private final int topK;
    private final int vocabulary;
    private long logitBytes;
    private long responseBytes;

    Size(int topK, int vocabulary) {
      this.topK = topK;
      this.vocabulary = vocabulary;
    }

    void add(String text, PreparedTask<?> task) {
      for (Readout readout : task.inputs().getFirst().readouts()) {
        if (readout instanceof Readout.HeadAt(List<Integer> masks)) {
          logitBytes += (long) masks.size() * vocabulary * Float.BYTES;
          responseBytes += (long) masks.size() * topK * (CANDIDATE_BYTES + text.length());
        }
      }
    }
  }

  private static FillMaskResponse response(Answer<List<List<MaskCandidate>>> answer) {
    FillMaskResponse.Builder response = FillMaskResponse.newBuilder().setInfo(answer.info());
    for (Outcome<List<List<MaskCandidate>>> outcome : answer.outcomes()) {
      var result = response.addResultsBuilder();
      switch (outcome) {
        case Outcome.Done<List<List<MaskCandidate>>> done -> {
          result.setUsage(TaskRunner.usage(done));
          var masks = result.getMasksBuilder();
          for (List<MaskCandidate> candidates : done.value()) {
            var mask = masks.addMasksBuilder();
            for (MaskCandidate candidate : candidates) {
              mask.addCandidatesBuilder()
                  .setTokenId(candidate.id())
                  .setToken(candidate.token())
                  .setScore(candidate.score())
                  .setSentence(candidate.sentence());
            }
          }
        }
        case Outcome.Failed<List<List<MaskCandidate>>>(InvalidArgument fault) ->
            result.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }
}
