package dev.coffey.server.grpc;

import dev.coffey.model.task.Aggregation;
import dev.coffey.model.task.Entity;
import dev.coffey.model.task.Tagging;
import dev.coffey.model.task.TextFit;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;

/// Entities in texts.
final class TagTask implements TypedTask<TagRequest, TagResponse> {
  private final TaskRunner runner;

  TagTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<TagResponse> answer(TagRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    Aggregation aggregation = aggregation(request);
    Set<String> ignored =
        request.getIgnoreLabelsCount() == 0
            ? Tagging.IGNORED
            : Set.copyOf(request.getIgnoreLabelsList());
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.TAG);
    TextFit fit = options.fit(handle);
    Tagging tagging =
        new Tagging(
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
                      field + ".text", () -> tagging.prepare(text, fit, aggregation, ignored));
                }),
        TagTask::response);
  }

  private static Aggregation aggregation(TagRequest request) {
    return switch (request.getAggregation()) {
      case AGGREGATION_UNSPECIFIED, AGGREGATION_SIMPLE -> Aggregation.SIMPLE;
      case AGGREGATION_NONE -> Aggregation.NONE;
      case AGGREGATION_FIRST -> Aggregation.FIRST;
      case AGGREGATION_AVERAGE -> Aggregation.AVERAGE;
      case AGGREGATION_MAX -> Aggregation.MAX;
      case UNRECOGNIZED ->
          throw RequestOptionsReader.unknown("aggregation", request.getAggregationValue());
    };
  }

  private static TagResponse response(Answer<List<Entity>> answer) {
    TagResponse.Builder response = TagResponse.newBuilder().setInfo(answer.info());
    for (Outcome<List<Entity>> outcome : answer.outcomes()) {
      var result = response.addResultsBuilder();
      switch (outcome) {
        case Outcome.Done<List<Entity>> done -> {
          result.setUsage(TaskRunner.usage(done));
          var tagging = result.getTaggingBuilder();
          for (Entity entity : done.value()) {
            tagging
                .addEntitiesBuilder()
                .setLabel(entity.label())
                .setScore(entity.score())
                .setWord(entity.word())
                .setSpan(Spans.of(entity.span()));
          }
        }
        case Outcome.Failed<List<Entity>>(InvalidArgument fault) ->
            result.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }
}
