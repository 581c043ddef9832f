package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.model.eval.Correlation;
import dev.coffey.model.eval.LabelledText;
import dev.coffey.proto.v1.EmbedRequest;
import dev.coffey.proto.v1.EmbedResponse;
import dev.coffey.proto.v1.EmbedResult;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.Normalization;
import dev.coffey.proto.v1.RequestOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// How the cosine of two texts' vectors goes with what people think of their likeness.
final class SimilarityEvaluation implements Evaluation {
  private final List<LabelledText> rows;
  private final List<Double> rights = new ArrayList<>();
  private final RequestOptions options;
  private final List<Double> wanted = new ArrayList<>();
  private final List<Double> given = new ArrayList<>();

  /// @param rows pairs with a number each
  SimilarityEvaluation(List<LabelledText> rows, RequestOptions options) {
    this.rows = rows;
    this.options = options;
    for (LabelledText row : rows) {
      try {
        rights.add(Double.parseDouble(row.label()));
      } catch (NumberFormatException _) {
        throw new CommandFailure(
            "'%s' in the column of --label is no number".formatted(row.label()));
      }
    }
  }

  @Override
  public int size() {
    return rows.size();
  }

  @Override
  public CompletableFuture<Answers> ask(CoffeyClient client, String model, int from, int to) {
    EmbedRequest.Builder request =
        EmbedRequest.newBuilder()
            .setModel(model)
            .setOptions(options)
            .setNormalization(Normalization.NORMALIZATION_ON);
    for (LabelledText row : rows.subList(from, to)) {
      request.addInputs(Input.newBuilder().setText(row.text()));
      request.addInputs(Input.newBuilder().setText(row.pair().orElseThrow()));
    }
    return client.embedAsync(request.build()).thenApply(response -> new Answers(from, response));
  }

  /// The vectors of the pairs from `from` on.
  final class Answers implements Answered {
    private final int from;
    private final EmbedResponse response;

    Answers(int from, EmbedResponse response) {
      this.from = from;
      this.response = response;
    }

    @Override
    public Noted note() {
      int failed = 0;
      int cut = 0;
      for (int i = 0; i < response.getResultsCount(); i += 2) {
        EmbedResult first = response.getResults(i);
        EmbedResult second = response.getResults(i + 1);
        if (first.hasError() || second.hasError()) {
          failed++;
        } else {
          wanted.add(rights.get(from + i / 2));
          given.add(product(first, second));
          cut += first.getUsage().getCut() + second.getUsage().getCut() > 0 ? 1 : 0;
        }
      }
      return new Noted(failed, cut);
    }

    private static double product(EmbedResult first, EmbedResult second) {
      List<Float> a = first.getEmbedding().getValuesList();
      List<Float> b = second.getEmbedding().getValuesList();
      double product = 0;
      for (int i = 0; i < a.size(); i++) {
        product += (double) a.get(i) * b.get(i);
      }
      return product;
    }
  }

  @Override
  public Map<String, Double> metrics() {
    double[] a = wanted.stream().mapToDouble(Double::doubleValue).toArray();
    double[] b = given.stream().mapToDouble(Double::doubleValue).toArray();
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("spearman", Correlation.spearman(a, b));
    metrics.put("pearson", Correlation.pearson(a, b));
    return metrics;
  }
}
