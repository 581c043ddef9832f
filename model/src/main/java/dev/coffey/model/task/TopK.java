package dev.coffey.model.task;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/// The places of the largest of some numbers.
final class TopK {
  private TopK() {}

  /// The places of the `count` largest, best first; those of equal size in their order.
  ///
  /// @param count 0, or more than there are, for all
  static List<Integer> of(double[] numbers, int count) {
    Comparator<Integer> bestFirst =
        Comparator.<Integer>comparingDouble(i -> -numbers[i]).thenComparing(i -> i);
    int kept = count == 0 ? numbers.length : Math.min(count, numbers.length);
    // The worst of the best is at the head, and leaves for each better one: a vocabulary is not
    // sorted for five tokens.
    PriorityQueue<Integer> best = new PriorityQueue<>(bestFirst.reversed());
    for (int i = 0; i < numbers.length; i++) {
      if (best.size() < kept) {
        best.add(i);
      } else if (kept > 0 && bestFirst.compare(i, best.element()) < 0) {
        best.remove();
        best.add(i);
      }
    }
    Integer[] sorted = best.toArray(Integer[]::new);
    Arrays.sort(sorted, bestFirst);
    return List.of(sorted);
  }

  /// @throws IllegalArgumentException if `topK` is negative
  static void check(int topK) {
    if (topK < 0) {
      throw new IllegalArgumentException("top_k is " + topK + "; expected 0 (all) or more");
    }
  }
}
