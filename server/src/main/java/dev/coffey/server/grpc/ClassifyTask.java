package dev.coffey.server.grpc;

import dev.coffey.model.ScoreFunction;
import dev.coffey.model.task.Classification;
import dev.coffey.model.task.LabelScore;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.concurrent.CompletionStage;

/// Labels with scores for texts.
final class ClassifyTask implements TypedTask<ClassifyRequest, ClassifyResponse> {
  private final TaskRunner runner;

  ClassifyTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<ClassifyResponse> answer(ClassifyRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.CLASSIFY);
    ScoreFunction function =
        scoreFunction(
            request.getActivation(), request.getActivationValue(), handle.config().scoreFunction());
    InputReader reader = new InputReader(handle, options.fit(handle), "");
    List<String> labels = handle.config().labels();
    int topK = Numbers.count(request.getTopK());
    return runner.run(
        handle,
        options,
        InputReader.leastTokens(request.getInputsList()),
        () ->
            Work.each(
                request.getInputsList(),
                "inputs",
                (input, field) ->
                    Classification.prepare(reader.read(input, field), labels, function, topK)),
        ClassifyTask::response);
  }

  /// @param own what the model's config says
  static ScoreFunction scoreFunction(ScoreActivation activation, int value, ScoreFunction own) {
    return switch (activation) {
      case SCORE_ACTIVATION_UNSPECIFIED -> own;
      case SCORE_ACTIVATION_SOFTMAX -> ScoreFunction.SOFTMAX;
      case SCORE_ACTIVATION_SIGMOID -> ScoreFunction.SIGMOID;
      case SCORE_ACTIVATION_NONE -> ScoreFunction.NONE;
      case UNRECOGNIZED -> throw RequestOptionsReader.unknown("activation", value);
    };
  }

  private static ClassifyResponse response(Answer<List<LabelScore>> answer) {
    ClassifyResponse.Builder response = ClassifyResponse.newBuilder().setInfo(answer.info());
    answer.outcomes().forEach(outcome -> response.addResults(result(outcome)));
    return response.build();
  }

  /// One text's labels, or its fault.
  static ClassifyResult result(Outcome<List<LabelScore>> outcome) {
    ClassifyResult.Builder result = ClassifyResult.newBuilder();
    switch (outcome) {
      case Outcome.Done<List<LabelScore>> done -> {
        result.setUsage(TaskRunner.usage(done));
        var labels = result.getClassificationBuilder();
        for (LabelScore score : done.value()) {
          labels
              .addLabelsBuilder()
              .setLabel(score.label())
              .setScore(score.score())
              .setIndex(score.index());
        }
      }
      case Outcome.Failed<List<LabelScore>>(InvalidArgument fault) ->
          result.setError(StatusMapper.status(fault));
    }
    return result.build();
  }
}
