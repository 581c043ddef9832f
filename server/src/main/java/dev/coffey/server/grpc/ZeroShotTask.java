package dev.coffey.server.grpc;

import dev.coffey.model.task.LabelScore;
import dev.coffey.model.task.ZeroShot;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.ZeroShotRequest;
import dev.coffey.proto.v1.ZeroShotResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.concurrent.CompletionStage;

/// Scores for labels that the model was not trained on.
final class ZeroShotTask implements TypedTask<ZeroShotRequest, ZeroShotResponse> {
  private final TaskRunner runner;

  ZeroShotTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<ZeroShotResponse> answer(ZeroShotRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    List<String> labels = labels(request);
    String template = template(request);
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    Truncation truncation = options.withoutWindows();
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.ZERO_SHOT);
    ZeroShot zeroShot =
        new ZeroShot(
            InputReader.tokenizer(handle, "model"), handle.maxTokens(), handle.config().labels());
    return runner.run(
        handle,
        options,
        request.getInputsCount(),
        () ->
            Work.each(
                request.getInputsList(),
                "inputs",
                (input, field) -> {
                  String text = InputReader.text(input, field);
                  return Work.read(
                      field + ".text",
                      () ->
                          zeroShot.prepare(
                              text, truncation, labels, template, request.getMultiLabel()));
                }),
        ZeroShotTask::response);
  }

  private List<String> labels(ZeroShotRequest request) {
    List<String> labels = request.getLabelsList();
    runner.checkCount("labels", labels.size());
    for (int i = 0; i < labels.size(); i++) {
      if (labels.get(i).isBlank()) {
        throw new InvalidArgument("labels[" + i + "]", "empty label; name each label");
      }
    }
    // Each label of each text is a pair for the model.
    long pairs = (long) labels.size() * request.getInputsCount();
    runner.checkCount("labels", (int) Math.min(pairs, Integer.MAX_VALUE));
    return labels;
  }

  private static String template(ZeroShotRequest request) {
    String template = request.getHypothesisTemplate();
    if (template.isEmpty()) {
      return ZeroShot.DEFAULT_TEMPLATE;
    }
    if (!template.contains(ZeroShot.LABEL)) {
      throw new InvalidArgument(
          "hypothesis_template",
          "no %s in it; put it where the label goes, as in '%s'"
              .formatted(ZeroShot.LABEL, ZeroShot.DEFAULT_TEMPLATE));
    }
    return template;
  }

  private static ZeroShotResponse response(Answer<List<LabelScore>> answer) {
    ZeroShotResponse.Builder response = ZeroShotResponse.newBuilder().setInfo(answer.info());
    answer.outcomes().forEach(outcome -> response.addResults(ClassifyTask.result(outcome)));
    return response.build();
  }
}
