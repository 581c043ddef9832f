package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.PairCut;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/// Scores for labels that a model was not trained on, from a classifier of natural language
/// inference: each label becomes a hypothesis, and the more the text entails it, the better the
/// label. As Hugging Face's zero-shot-classification pipeline. Any thread.
///
/// One input for each label: the pair of text and hypothesis.
public final class ZeroShot {
  /// The hypothesis of Hugging Face if not told.
  public static final String DEFAULT_TEMPLATE = "This example is {}.";

  /// What stands in a template where the label goes.
  public static final String LABEL = "{}";

  private final Tokenizer tokenizer;
  private final int maxTokens;
  private final int entailment;
  private final int contradiction;

  /// @param maxTokens the longest pair that the model reads, specials included
  /// @param modelLabels the labels of the model's config, in order
  /// @throws IllegalArgumentException if the model does not infer entailment
  public ZeroShot(Tokenizer tokenizer, int maxTokens, List<String> modelLabels) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
    entailment =
        entailment(modelLabels)
            .orElseThrow(() ->
                new IllegalArgumentException(
                    "zero-shot needs a model of natural language inference, with a label that begins with 'entail'; this one has %s"
                        .formatted(modelLabels)));
    contradiction = entailment == 0 ? modelLabels.size() - 1 : 0;
  }

  /// The number of the label that means entailment: the first one whose name begins with "entail",
  /// in any case. Empty where none does, or it is the only label: no model for this task.
  public static OptionalInt entailment(List<String> modelLabels) {
    for (int i = 0; i < modelLabels.size() && modelLabels.size() > 1; i++) {
      if (modelLabels.get(i).toLowerCase(Locale.ROOT).startsWith("entail")) {
        return OptionalInt.of(i);
      }
    }
    return OptionalInt.empty();
  }

  /// The labels with their scores, best first; those of equal score in the given order.
  ///
  /// @param truncation of the text; a hypothesis is never cut
  /// @param labels at least one; a [LabelScore#index] is a place in this list
  /// @param template the hypothesis, with {} where the label goes
  /// @param multiLabel whether labels are scored one by one, so that several may be true:
  ///   entailment against contradiction, where contradiction is label 0, or the last if entailment
  ///   is label 0. Otherwise the scores of all labels sum to 1. A single label is always scored the
  ///   first way
  /// @throws IllegalArgumentException if the text, a label, or the list of labels is empty, the
  ///   template has no {}, or a hypothesis alone is too long
  /// @throws dev.coffey.model.tokenize.TooLongException if a pair is too long and may not be cut
  public PreparedTask<List<LabelScore>> prepare(
      String text,
      Truncation truncation,
      List<String> labels,
      String template,
      boolean multiLabel) {
    check(text, labels, template);
    List<TextInput> inputs = new ArrayList<>(labels.size());
    int cut = 0;
    for (String label : labels) {
      Encoding encoding =
          tokenizer.encode(
              text, template.replace(LABEL, label), truncation, PairCut.ONLY_FIRST, maxTokens);
      inputs.add(TextInput.of(encoding, List.of(new Readout.Head())));
      cut += encoding.cut();
    }
    List<String> names = List.copyOf(labels);
    return new PreparedTask<>(
        inputs,
        cut,
        outputs ->
            scored(
                outputs.stream().map(output -> output.getFirst().values()).toList(),
                names,
                multiLabel || names.size() == 1));
  }

  private static void check(String text, List<String> labels, String template) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("empty text; send at least one character");
    }
    if (labels.isEmpty()) {
      throw new IllegalArgumentException("no labels; give at least one");
    }
    for (int i = 0; i < labels.size(); i++) {
      if (labels.get(i).isBlank()) {
        throw new IllegalArgumentException("label " + i + " is empty; name each label");
      }
    }
    if (!template.contains(LABEL)) {
      throw new IllegalArgumentException(
          "the hypothesis template '%s' has no {}; put it where the label goes, as in '%s'"
              .formatted(template, DEFAULT_TEMPLATE));
    }
  }

  private List<LabelScore> scored(List<float[]> logits, List<String> labels, boolean oneByOne) {
    double[] scores = new double[labels.size()];
    if (oneByOne) {
      for (int i = 0; i < scores.length; i++) {
        float[] two = {logits.get(i)[contradiction], logits.get(i)[entailment]};
        scores[i] = Classification.scores(two, ScoreFunction.SOFTMAX)[1];
      }
    } else {
      float[] entailed = new float[labels.size()];
      for (int i = 0; i < entailed.length; i++) {
        entailed[i] = logits.get(i)[entailment];
      }
      scores = Classification.scores(entailed, ScoreFunction.SOFTMAX);
    }
    List<LabelScore> best = new ArrayList<>(labels.size());
    for (int i : TopK.of(scores, 0)) {
      best.add(new LabelScore(i, labels.get(i), (float) scores[i]));
    }
    return List.copyOf(best);
  }
}
