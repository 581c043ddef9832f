package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.tokenize.Encoding;
import java.util.List;

/// A sequence classifier's logits as labels with scores.
public final class Classification {
  private Classification() {}

  /// The labels of a text as [#labels] gives them. Of a text in windows: from the mean of the
  /// windows' logits, weighted by their tokens.
  ///
  /// @param windows the text as the model reads it, from [TextFit#encode]
  public static PreparedTask<List<LabelScore>> prepare(
      List<Encoding> windows, List<String> labels, ScoreFunction function, int topK) {
    TopK.check(topK);
    return PreparedTask.ofWindows(
        windows,
        new Readout.Head(),
        outputs -> labels(WindowMean.of(windows, outputs), labels, function, topK));
  }

  /// The labels of one text, best first; those of equal score in the config's order.
  ///
  /// @param logits one for each label
  /// @param labels the config's names, by index
  /// @param function what makes scores of logits; [dev.coffey.model.ModelConfig#scoreFunction] is
  ///   the model's own
  /// @param topK how many to return; 0, or more than there are, for all
  /// @throws IllegalArgumentException if logits and labels are not as many, or `topK` is negative
  public static List<LabelScore> labels(
      float[] logits, List<String> labels, ScoreFunction function, int topK) {
    if (logits.length != labels.size()) {
      throw new IllegalArgumentException(
          "classification: %d logits for %d labels".formatted(logits.length, labels.size()));
    }
    TopK.check(topK);
    double[] scores = scores(logits, function);
    return TopK.of(scores, topK).stream()
        .map(i -> new LabelScore(i, labels.get(i), (float) scores[i]))
        .toList();
  }

  /// The scores in the logits' order, in double: rounded to float once, at the end.
  static double[] scores(float[] logits, ScoreFunction function) {
    double[] scores = new double[logits.length];
    switch (function) {
      case NONE -> {
        for (int i = 0; i < scores.length; i++) {
          scores[i] = logits[i];
        }
      }
      case SIGMOID -> {
        for (int i = 0; i < scores.length; i++) {
          scores[i] = 1 / (1 + Math.exp(-(double) logits[i]));
        }
      }
      case SOFTMAX -> {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
          max = Math.max(max, logit);
        }
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
          scores[i] = Math.exp(logits[i] - max);
          sum += scores[i];
        }
        for (int i = 0; i < scores.length; i++) {
          scores[i] /= sum;
        }
      }
    }
    return scores;
  }
}
