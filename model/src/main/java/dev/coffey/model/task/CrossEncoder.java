package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.util.List;

/// Relevance as a classifier with one label gives it to the pair of query and document, as
/// sentence-transformers' `CrossEncoder`. One input a document.
public final class CrossEncoder implements Ranking {
  private final Tokenizer tokenizer;
  private final int maxTokens;
  private final ScoreFunction function;
  private final String query;
  private final Truncation truncation;

  /// @param maxTokens the longest pair that the model reads, specials included
  /// @param function what makes a score of the logit;
  ///   [dev.coffey.model.checkpoint.ModelFolder#rank] has the model's own
  /// @param truncation of a pair that is too long: its longer text is cut first
  public CrossEncoder(
      Tokenizer tokenizer,
      int maxTokens,
      ScoreFunction function,
      String query,
      Truncation truncation) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
    this.function = function;
    this.query = query;
    this.truncation = truncation;
  }

  @Override
  public PreparedTask<Float> prepare(String document) {
    Encoding pair = tokenizer.encode(query, document, truncation, maxTokens);
    return PreparedTask.ofWindows(
        List.of(pair),
        new Readout.Head(),
        outputs -> score(outputs.getFirst().getFirst().values()));
  }

  private float score(float[] logits) {
    if (logits.length != 1) {
      throw new IllegalArgumentException(
          "ranking needs a classifier with one label; this model has " + logits.length);
    }
    return (float) Classification.scores(logits, function)[0];
  }
}
