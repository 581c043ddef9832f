package dev.coffey.server.grpc;

import dev.coffey.model.task.Answer;
import dev.coffey.model.task.Answering;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CompletionStage;

/// The spans of contexts that answer questions.
final class AnswerTask implements TypedTask<AnswerRequest, AnswerResponse> {
  /// Each window keeps this many candidates, and more.
  private static final int MOST_ANSWERS = 1000;

  private static final int DEFAULT_ANSWER_TOKENS = Answering.Options.DEFAULT.maxAnswerTokens();

  private final TaskRunner runner;

  AnswerTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<AnswerResponse> answer(AnswerRequest request) {
    runner.checkCount("inputs", request.getInputsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    options.windowsOnly();
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.ANSWER);
    int most = handle.maxTokens();
    Answering.Options wanted =
        new Answering.Options(
            Numbers.upTo(MOST_ANSWERS, request.getTopK(), 1, "top_k"),
            Numbers.upTo(
                most, request.getMaxAnswerTokens(), DEFAULT_ANSWER_TOKENS, "max_answer_tokens"),
            optional(Numbers.upTo(most, request.getWindowTokens(), 0, "window_tokens")),
            optional(Numbers.upTo(most, request.getDocStride(), 0, "doc_stride")),
            request.getAllowNoAnswer(),
            !request.getPartialWords(),
            Answering.Options.DEFAULT.mergeEqual());
    Answering answering = new Answering(InputReader.tokenizer(handle, "model"), most);
    return runner.run(
        handle,
        options,
        request.getInputsCount(),
        () ->
            Work.each(
                request.getInputsList(),
                "inputs",
                (input, field) ->
                    Work.read(
                        field,
                        () -> answering.prepare(input.getQuestion(), input.getContext(), wanted))),
        AnswerTask::response);
  }

  private static OptionalInt optional(int number) {
    return number == 0 ? OptionalInt.empty() : OptionalInt.of(number);
  }

  private static AnswerResponse response(TaskRunner.Answer<List<Answer>> answer) {
    AnswerResponse.Builder response = AnswerResponse.newBuilder().setInfo(answer.info());
    for (Outcome<List<Answer>> outcome : answer.outcomes()) {
      var result = response.addResultsBuilder();
      switch (outcome) {
        case Outcome.Done<List<Answer>> done -> {
          result.setUsage(TaskRunner.usage(done));
          var answers = result.getAnswersBuilder();
          for (Answer found : done.value()) {
            var span = answers.addAnswersBuilder().setScore(found.score());
            found.span().ifPresent(place -> span.setSpan(Spans.of(place)));
          }
        }
        case Outcome.Failed<List<Answer>>(InvalidArgument fault) ->
            result.setError(StatusMapper.status(fault));
      }
    }
    return response.build();
  }
}
