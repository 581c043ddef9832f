package dev.coffey.server.grpc;

import dev.coffey.model.HeadKind;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.task.BiEncoder;
import dev.coffey.model.task.CrossEncoder;
import dev.coffey.model.task.Ranked;
import dev.coffey.model.task.Ranking;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import dev.coffey.proto.v1.RankRequest;
import dev.coffey.proto.v1.RankResponse;
import dev.coffey.proto.v1.RankResult;
import dev.coffey.proto.v1.ScoreActivation;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.TaskRunner.Answer;
import dev.coffey.server.grpc.WorkSheet.Outcome;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelTask;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionStage;

/// Documents in the order of their relevance to a query.
final class RankTask implements TypedTask<RankRequest, RankResponse> {
  private final TaskRunner runner;

  RankTask(TaskRunner runner) {
    this.runner = runner;
  }

  @Override
  public CompletionStage<RankResponse> answer(RankRequest request) {
    runner.checkCount("documents", request.getDocumentsCount());
    RequestOptionsReader options = RequestOptionsReader.of(request.getOptions());
    Truncation truncation = options.withoutWindows();
    ModelHandle handle = runner.find(request.getModel(), request.getVersion(), ModelTask.RANK);
    Tokenizer tokenizer = InputReader.tokenizer(handle, "model");
    boolean crossEncoder = handle.headKind() == HeadKind.SEQUENCE_CLASSIFICATION;
    ScoreFunction function = crossEncoder ? scoreFunction(request, handle) : noFunction(request);
    return runner.run(
        handle,
        options,
        request.getDocumentsCount(),
        () -> {
          Ranking ranking =
              crossEncoder
                  ? new CrossEncoder(
                      tokenizer, handle.maxTokens(), function, request.getQuery(), truncation)
                  : biEncoder(handle, tokenizer, request.getQuery(), truncation);
          return Work.each(
              request.getDocumentsList(),
              "documents",
              (document, field) -> Work.read(field, () -> ranking.prepare(document)));
        },
        answer -> response(request, answer));
  }

  private static ScoreFunction scoreFunction(RankRequest request, ModelHandle handle) {
    ScoreActivation activation = request.getActivation();
    if (activation == ScoreActivation.SCORE_ACTIVATION_SOFTMAX) {
      throw new InvalidArgument(
          "activation", "a softmax of one logit is always 1; use SIGMOID or NONE");
    }
    if (activation == ScoreActivation.SCORE_ACTIVATION_UNSPECIFIED) {
      handle
          .rank()
          .unsupported()
          .ifPresent(named -> {
            throw new InvalidArgument(
                "activation",
                "the model's folder asks for %s, which is not served: set SIGMOID or NONE"
                    .formatted(named));
          });
    }
    return ClassifyTask.scoreFunction(
        activation, request.getActivationValue(), handle.rank().function());
  }

  private static ScoreFunction noFunction(RankRequest request) {
    if (request.getActivationValue() != 0) {
      throw new InvalidArgument(
          "activation",
          "this model compares vectors, and a cosine has no activation: leave it out");
    }
    return ScoreFunction.NONE;
  }

  private static BiEncoder biEncoder(
      ModelHandle handle, Tokenizer tokenizer, String query, Truncation truncation) {
    EmbeddingDefaults embedding = handle.embedding();
    return Work.read(
        "query",
        () ->
            new BiEncoder(
                tokenizer,
                handle.maxTokens(),
                embedding.pooled(),
                embedding.queryPrompt() + query,
                embedding.documentPrompt(),
                truncation));
  }

  private static RankResponse response(RankRequest request, Answer<Float> answer) {
    RankResponse.Builder response = RankResponse.newBuilder().setInfo(answer.info());
    List<Outcome.Done<Float>> done = new ArrayList<>();
    List<Integer> places = new ArrayList<>();
    List<RankResult> failed = new ArrayList<>();
    for (int i = 0; i < answer.outcomes().size(); i++) {
      switch (answer.outcomes().get(i)) {
        case Outcome.Done<Float> scored -> {
          done.add(scored);
          places.add(i);
        }
        case Outcome.Failed<Float>(InvalidArgument fault) ->
            failed.add(result(request, i).setError(StatusMapper.status(fault)).build());
      }
    }
    List<Float> scores = done.stream().map(Outcome.Done::value).toList();
    for (Ranked ranked : Ranking.order(scores, Numbers.count(request.getTopK()))) {
      response.addResults(
          result(request, places.get(ranked.index()))
              .setScore(ranked.score())
              .setUsage(TaskRunner.usage(done.get(ranked.index()))));
    }
    return response.addAllResults(failed).build();
  }

  private static RankResult.Builder result(RankRequest request, int index) {
    RankResult.Builder result = RankResult.newBuilder().setIndex(index);
    return request.getReturnText() ? result.setText(request.getDocuments(index)) : result;
  }
}
