package dev.coffey.model.eval;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/// How two series of numbers go together; each as SciPy computes it.
public final class Correlation {
  private Correlation() {}

  /// Pearson's coefficient, in [-1, 1]; NaN where a series has less than two numbers or all are the
  /// same.
  ///
  /// @throws IllegalArgumentException if the series are not equally long
  public static double pearson(double[] a, double[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(
          "correlation of %d numbers with %d; expected as many".formatted(a.length, b.length));
    }
    double meanA = mean(a);
    double meanB = mean(b);
    double products = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      products += (a[i] - meanA) * (b[i] - meanB);
      squaresA += (a[i] - meanA) * (a[i] - meanA);
      squaresB += (b[i] - meanB) * (b[i] - meanB);
    }
    return products / (Math.sqrt(squaresA) * Math.sqrt(squaresB));
  }

  /// Spearman's coefficient: Pearson's of the ranks, where equal numbers share the mean of theirs.
  ///
  /// @throws IllegalArgumentException if the series are not equally long
  public static double spearman(double[] a, double[] b) {
    return pearson(ranks(a), ranks(b));
  }

  private static double mean(double[] numbers) {
    double sum = 0;
    for (double number : numbers) {
      sum += number;
    }
    return sum / numbers.length;
  }

  private static double[] ranks(double[] numbers) {
    List<Integer> order =
        IntStream.range(0, numbers.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> numbers[i]))
            .toList();
    double[] ranks = new double[numbers.length];
    for (int from = 0; from < ranks.length; ) {
      int to = from + 1;
      while (to < ranks.length && numbers[order.get(to)] == numbers[order.get(from)]) {
        to++;
      }
      for (int i = from; i < to; i++) {
        ranks[order.get(i)] = (from + to - 1) / 2.0;
      }
      from = to;
    }
    return ranks;
  }
}
