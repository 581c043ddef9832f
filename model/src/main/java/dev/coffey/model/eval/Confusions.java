package dev.coffey.model.eval;

import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/// How often a classifier gave each label for each right one, and what follows from it; each number
/// as scikit-learn computes it. Not for several threads at once.
public final class Confusions {
  private final Map<String, Map<String, Integer>> counts = new TreeMap<>();
  private final Map<String, Integer> rights = new TreeMap<>();
  private final Map<String, Integer> givens = new TreeMap<>();
  private int total;

  /// Notes one text.
  public void add(String right, String given) {
    counts.computeIfAbsent(right, _ -> new TreeMap<>()).merge(given, 1, Integer::sum);
    rights.merge(right, 1, Integer::sum);
    givens.merge(given, 1, Integer::sum);
    total++;
  }

  /// How many texts were noted.
  public int total() {
    return total;
  }

  /// The share of texts whose label is right; NaN of none.
  public double accuracy() {
    return agreed() / (double) total;
  }

  /// The F1 of one label: the harmonic mean of its precision and recall; 0 where it is neither
  /// right nor given anywhere.
  public double f1(String label) {
    int both = agreed(label);
    int either = rights.getOrDefault(label, 0) + givens.getOrDefault(label, 0);
    return either == 0 ? 0 : 2.0 * both / either;
  }

  /// The mean of the F1 of all labels that are right or given anywhere; NaN of no texts.
  public double macroF1() {
    TreeSet<String> labels = new TreeSet<>(rights.keySet());
    labels.addAll(givens.keySet());
    return labels.stream().mapToDouble(this::f1).average().orElse(Double.NaN);
  }

  /// Matthews' correlation coefficient, for any number of labels, in [-1, 1]; 0 where all right
  /// labels, or all given ones, are the same.
  public double matthews() {
    double squares = (double) total * total;
    double products = 0;
    double rightSquares = 0;
    for (Map.Entry<String, Integer> right : rights.entrySet()) {
      products += (double) right.getValue() * givens.getOrDefault(right.getKey(), 0);
      rightSquares += (double) right.getValue() * right.getValue();
    }
    double givenSquares = givens.values().stream().mapToDouble(n -> (double) n * n).sum();
    double scale = Math.sqrt((squares - rightSquares) * (squares - givenSquares));
    return scale == 0 ? 0 : ((double) agreed() * total - products) / scale;
  }

  private int agreed() {
    return counts.keySet().stream().mapToInt(this::agreed).sum();
  }

  private int agreed(String label) {
    return counts.getOrDefault(label, Map.of()).getOrDefault(label, 0);
  }
}
