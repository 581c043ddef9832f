package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.model.eval.AnswerScore;
import dev.coffey.model.eval.AnsweredQuestion;
import dev.coffey.proto.v1.AnswerRequest;
import dev.coffey.proto.v1.AnswerResponse;
import dev.coffey.proto.v1.AnswerResult;
import dev.coffey.proto.v1.Question;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// How near answers come to the right ones. Where a file has questions without an answer, no answer
/// may be one.
final class AnswerEvaluation implements Evaluation {
  private final List<AnsweredQuestion> questions;
  private final boolean allowNoAnswer;
  private final AnswerScore score = new AnswerScore();

  AnswerEvaluation(List<AnsweredQuestion> questions) {
    this.questions = questions;
    allowNoAnswer = questions.stream().anyMatch(question -> question.answers().isEmpty());
  }

  @Override
  public int size() {
    return questions.size();
  }

  @Override
  public CompletableFuture<Answers> ask(CoffeyClient client, String model, int from, int to) {
    AnswerRequest.Builder request =
        AnswerRequest.newBuilder().setModel(model).setAllowNoAnswer(allowNoAnswer);
    for (AnsweredQuestion question : questions.subList(from, to)) {
      request.addInputs(
          Question.newBuilder().setQuestion(question.question()).setContext(question.context()));
    }
    return client.answerAsync(request.build()).thenApply(response -> new Answers(from, response));
  }

  /// The answers to the questions from `from` on.
  final class Answers implements Answered {
    private final int from;
    private final AnswerResponse response;

    Answers(int from, AnswerResponse response) {
      this.from = from;
      this.response = response;
    }

    @Override
    public Noted note() {
      int failed = 0;
      for (int i = 0; i < response.getResultsCount(); i++) {
        AnswerResult result = response.getResults(i);
        boolean any = result.getAnswers().getAnswersCount() > 0;
        score.add(
            questions.get(from + i).answers(),
            any ? result.getAnswers().getAnswers(0).getSpan().getText() : "");
        failed += result.hasError() ? 1 : 0;
      }
      return new Noted(failed, 0);
    }
  }

  @Override
  public Map<String, Double> metrics() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("exact_match", score.exactMatch());
    metrics.put("f1", score.f1());
    return metrics;
  }
}
