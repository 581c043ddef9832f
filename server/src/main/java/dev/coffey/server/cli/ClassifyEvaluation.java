package dev.coffey.server.cli;

import dev.coffey.client.CoffeyClient;
import dev.coffey.model.eval.Confusions;
import dev.coffey.model.eval.LabelledText;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.ClassifyResult;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.RequestOptions;
import dev.coffey.proto.v1.TextPair;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// How often a classifier's best label is the right one.
final class ClassifyEvaluation implements Evaluation {
  private final List<LabelledText> rows;
  private final List<String> rights;
  private final List<String> labels;
  private final RequestOptions options;
  private final Confusions confusions = new Confusions();

  /// @param labels the model's, in order
  /// @param names what the file calls each label of the model, where it is another name
  ClassifyEvaluation(
      List<LabelledText> rows,
      List<String> labels,
      Map<String, String> names,
      RequestOptions options) {
    this.rows = rows;
    this.labels = labels;
    this.options = options;
    rights = rows.stream().map(row -> label(row.label(), labels, names)).toList();
  }

  /// The model's label that a file's means: the one that it is mapped to, the one of that name, or
  /// the one of that number.
  private static String label(String inFile, List<String> labels, Map<String, String> names) {
    String name = names.getOrDefault(inFile, inFile);
    if (labels.contains(name)) {
      return name;
    }
    if (name.matches("[0-9]{1,4}") && Integer.parseInt(name) < labels.size()) {
      return labels.get(Integer.parseInt(name));
    }
    throw new CommandFailure(
        "the label '%s' is none of the model's (%s): map it by --map %s=LABEL"
            .formatted(inFile, String.join(", ", labels), inFile));
  }

  @Override
  public int size() {
    return rows.size();
  }

  @Override
  public CompletableFuture<Answers> ask(CoffeyClient client, String model, int from, int to) {
    ClassifyRequest.Builder request =
        ClassifyRequest.newBuilder().setModel(model).setOptions(options).setTopK(1);
    rows.subList(from, to).forEach(row -> request.addInputs(input(row)));
    return client.classifyAsync(request.build()).thenApply(response -> new Answers(from, response));
  }

  static Input input(LabelledText row) {
    return row.pair()
        .map(second ->
            Input.newBuilder()
                .setPair(TextPair.newBuilder().setFirst(row.text()).setSecond(second))
                .build())
        .orElseGet(() -> Input.newBuilder().setText(row.text()).build());
  }

  /// The answers to the rows from `from` on.
  final class Answers implements Answered {
    private final int from;
    private final ClassifyResponse response;

    Answers(int from, ClassifyResponse response) {
      this.from = from;
      this.response = response;
    }

    @Override
    public Noted note() {
      int failed = 0;
      int cut = 0;
      for (int i = 0; i < response.getResultsCount(); i++) {
        ClassifyResult result = response.getResults(i);
        boolean answered = result.hasClassification();
        confusions.add(
            rights.get(from + i),
            answered ? result.getClassification().getLabels(0).getLabel() : "");
        failed += answered ? 0 : 1;
        cut += result.getUsage().getCut() > 0 ? 1 : 0;
      }
      return new Noted(failed, cut);
    }
  }

  @Override
  public Map<String, Double> metrics() {
    Map<String, Double> metrics = new LinkedHashMap<>();
    metrics.put("accuracy", confusions.accuracy());
    if (labels.size() == 2) {
      // As GLUE counts: of the second label.
      metrics.put("f1", confusions.f1(labels.getLast()));
    }
    metrics.put("macro_f1", confusions.macroF1());
    metrics.put("matthews", confusions.matthews());
    return metrics;
  }
}
