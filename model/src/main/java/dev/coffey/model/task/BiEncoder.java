package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.util.List;

/// Relevance as the cosine of the vectors of query and document, as sentence-transformers'
/// `semantic_search`. Two inputs a document, of which the query is the same for all: [UniqueInputs]
/// has it computed once.
public final class BiEncoder implements Ranking {
  private final Tokenizer tokenizer;
  private final int maxTokens;
  private final Readout.Pooled pooled;
  private final String documentPrompt;
  private final Truncation truncation;
  private final PreparedTask<float[]> query;

  /// @param maxTokens the longest text that the model reads, specials included
  /// @param pooled how the model makes a vector of a text
  /// @param query with its prompt before it
  /// @param documentPrompt put before each document; empty for none
  /// @param truncation of a query or a document that is too long
  /// @throws dev.coffey.model.tokenize.TooLongException if the query is too long and may not be cut
  public BiEncoder(
      Tokenizer tokenizer,
      int maxTokens,
      Readout.Pooled pooled,
      String query,
      String documentPrompt,
      Truncation truncation) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
    this.pooled = pooled;
    this.documentPrompt = documentPrompt;
    this.truncation = truncation;
    this.query = vector(query);
  }

  @Override
  public PreparedTask<Float> prepare(String document) {
    return PreparedTask.all(List.of(query, vector(documentPrompt + document)))
        .then(vectors -> (float) Embedding.cosine(vectors.getFirst(), vectors.getLast()));
  }

  private PreparedTask<float[]> vector(String text) {
    Encoding encoding = tokenizer.encode(text, null, truncation, maxTokens);
    return Embedding.prepare(List.of(encoding), pooled, 0, false);
  }
}
