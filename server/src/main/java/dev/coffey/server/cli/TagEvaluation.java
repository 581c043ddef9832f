package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.model.eval.EntityScore;
import dev.coffey.model.eval.TaggedSentence;
import dev.coffey.model.task.Entity;
import dev.coffey.model.task.Span;
import dev.coffey.proto.v1.Aggregation;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.TagRequest;
import dev.coffey.proto.v1.TagResponse;
import dev.coffey.proto.v1.TagResult;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// How many entities a tagger finds. A word has the tag of its first token.
final class TagEvaluation implements Evaluation {
  /// A label that no model has: all tokens are wanted, also those outside.
  private static final String NONE_IGNORED = "\u0000";

  private final List<TaggedSentence> sentences;
  private final RequestOptions options;
  private final EntityScore score = new EntityScore();

  TagEvaluation(List<TaggedSentence> sentences, RequestOptions options) {
    this.sentences = sentences;
    this.options = options;
  }

  @Override
  public int size() {
    return sentences.size();
  }

  @Override
  public CompletableFuture<Answers> ask(CoffeyClient client, String model, int from, int to) {
    TagRequest.Builder request =
        TagRequest.newBuilder()
            .setModel(model)
            .setOptions(options)
            .setAggregation(Aggregation.AGGREGATION_NONE)
            .addIgnoreLabels(NONE_IGNORED);
    sentences
        .subList(from, to)
        .forEach(sentence -> request.addInputs(Input.newBuilder().setText(sentence.text())));
    return client.tagAsync(request.build()).thenApply(response -> new Answers(from, response));
  }

  /// The answers to the sentences from `from` on.
  final class Answers implements Answered {
    private final int from;
    private final TagResponse response;

    Answers(int from, TagResponse response) {
      this.from = from;
      this.response = response;
    }

    @Override
    public Noted note() {
      int failed = 0;
      int cut = 0;
      for (int i = 0; i < response.getResultsCount(); i++) {
        TagResult result = response.getResults(i);
        TaggedSentence sentence = sentences.get(from + i);
        score.add(
            sentence.tags(),
            result.hasTagging()
                ? sentence.tagsOf(tokens(result))
                : Collections.nCopies(sentence.words().size(), "O"));
        failed += result.hasError() ? 1 : 0;
        cut += result.getUsage().getCut() > 0 ? 1 : 0;
      }
      return new Noted(failed, cut);
    }

    private static List<Entity> tokens(TagResult result) {
      return result.getTagging().getEntitiesList().stream()
          .map(token ->
              new Entity(
                  token.getLabel(),
                  token.getScore(),
                  token.getWord(),
                  new Span(
                      token.getSpan().getText(),
                      token.getSpan().getStart(),
                      token.getSpan().getEnd(),
                      token.getSpan().getStartByte(),
                      token.getSpan().getEndByte())))
          .toList();
    }
  }

  @Override
  public Map<String, Double> metrics() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("precision", score.precision());
    metrics.put("recall", score.recall());
    metrics.put("f1", score.f1());
    metrics.put("word_accuracy", score.wordAccuracy());
    return metrics;
  }
}
