package dev.coffey.server.grpc;

import dev.coffey.model.task.Summarizing;
import dev.coffey.model.task.SummarySentence;
import dev.coffey.proto.v1.SummarizeRequest;
import dev.coffey.proto.v1.SummarizeResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.concurrent.CompletionStage;

/// The sentences that stand for whole texts.
final class SummarizeTask implements TypedTask<SummarizeRequest, SummarizeResponse> {
  private final TaskRunner runner;

  SummarizeTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<SummarizeResponse> answer(SummarizeRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    options.windowsOnly();
    Summarizing.Length length = length(request);
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.SUMMARIZE);
    EmbeddingDefaults embedding = handle.embedding();
    Summarizing summarizing =
        new Summarizing(
            InputReader.tokenizer(handle, "model"),
            handle.maxTokens(),
            embedding.pooled(),
            embedding.documentPrompt());
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
                  return Work.read(field + ".text", () -> summarizing.prepare(text, length));
                }),
        SummarizeTask::response);
  }

  private static Summarizing.Length length(SummarizeRequest request) {
    return switch (request.getLengthCase()) {
      case SENTENCES ->
          Work.read(
              "sentences",
              () -> new Summarizing.Length.Sentences(Numbers.count(request.getSentences(), 0)));
      case RATIO -> Work.read("ratio", () -> new Summarizing.Length.Ratio(request.getRatio()));
      case LENGTH_NOT_SET -> Summarizing.DEFAULT_LENGTH;
    };
  }

  private static SummarizeResponse response(Answer<List<SummarySentence>> answer) {
    SummarizeResponse.Builder response = SummarizeResponse.newBuilder().setInfo(answer.info());
    for (Outcome<List<SummarySentence>> outcome : answer.outcomes()) {
      var result = response.addResultsBuilder();
      switch (outcome) {
        case Outcome.Done<List<SummarySentence>> done -> {
          result.setUsage(TaskRunner.usage(done));
          var summary = result.getSummaryBuilder();
          for (SummarySentence sentence : done.value()) {
            summary
                .addSentencesBuilder()
                .setSpan(Spans.of(sentence.span()))
                .setScore(sentence.score());
          }
        }
        case Outcome.Failed<List<SummarySentence>>(InvalidArgument fault) ->
            result.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }
}
