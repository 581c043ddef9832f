package dev.coffey.model.task;

import java.util.List;

/// How relevant documents are to one query. Made for a query; each document is then scored by
/// itself, so that a fault of one leaves the others alone. Any thread.
///
/// ```java
/// Ranking ranking = new CrossEncoder(tokenizer, maxTokens, function, query, truncation);
/// List<Float> scores = documents.stream().map(d -> ranking.prepare(d).run(model)).toList();
/// List<Ranked> best = Ranking.order(scores, 10);
/// ```
public sealed interface Ranking permits CrossEncoder, BiEncoder {
  /// The score of a document.
  ///
  /// @throws dev.coffey.model.tokenize.TooLongException if it is too long and may not be cut
  /// @throws IllegalArgumentException if it is no valid Unicode
  PreparedTask<Float> prepare(String document);

  /// Documents by their scores, best first; those of equal score in the given order.
  ///
  /// @param topK how many; 0, or more than there are, for all
  static List<Ranked> order(List<Float> scores, int topK) {
    TopK.check(topK);
    double[] numbers = scores.stream().mapToDouble(Float::doubleValue).toArray();
    return TopK.of(numbers, topK).stream().map(i -> new Ranked(i, scores.get(i))).toList();
  }
}
