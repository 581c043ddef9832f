package dev.coffey.model.task;

import dev.coffey.model.ScoreFunction;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// A sequence classifier's logits as labels with scores.
public final class Classification {
  private Classification() {}

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
    if (topK < 0) {
      throw new IllegalArgumentException("top_k is " + topK + "; expected 0 (all) or more");
    }
    double[] scores = scores(logits, function);
    return IntStream.range(0, scores.length)
        .boxed()
        // The sort is stable, so that ties stay in the config's order.
        .sorted(Comparator.comparingDouble(i -> -scores[i]))
        .limit(topK == 0 ? scores.length : topK)
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
