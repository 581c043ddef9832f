package dev.coffey.model;

import dev.coffey.kernels.Pooling;
import java.util.List;

/// What to read of a text once the encoder has run: each readout gives one [Matrix]. The last layer
/// is computed only for the rows that the readouts of a text need.
public sealed interface Readout {
  /// The model's own head, at every row that it reads: (1, labels) for sequence classification, (1,
  /// 2) for next sentence; (tokens, labels) for token classification, (tokens, 2) for question
  /// answering (start, end), (tokens, vocabulary) for a masked LM and for pretraining.
  record Head() implements Readout {}

  /// A per-token head at the given rows of the text only, in that order: (rows, labels). For a
  /// masked LM: the masked positions.
  record HeadAt(List<Integer> rows) implements Readout {
    public HeadAt {
      if (rows.isEmpty()) {
        throw new IllegalArgumentException("a readout at rows needs at least one row");
      }
      rows = List.copyOf(rows);
    }
  }

  /// The second head of a pretraining checkpoint: (1, 2), how much the texts of a pair belong
  /// together. BERT and MobileBERT: next sentence, ALBERT: sentence order.
  record SentencePair() implements Readout {}

  /// What the model's pooler makes of the first token, Hugging Face's `pooler_output`: (1, H).
  record Pooler() implements Readout {}

  /// The last hidden state of every token: (tokens, H).
  record Hidden() implements Readout {}

  /// One vector: the last hidden states pooled by each of `poolings`, concatenated; then, if
  /// `dense`, through the Dense layers of the model's folder; then scaled to length 1 if
  /// `normalize`: (1, H·poolings), or (1, [TextModel#denseOutputs]).
  record Pooled(List<Pooling> poolings, boolean dense, boolean normalize) implements Readout {
    public Pooled {
      if (poolings.isEmpty() || poolings.size() > Pooling.values().length) {
        throw new IllegalArgumentException(
            "a pooled readout needs 1 to %d poolings, got %d"
                .formatted(Pooling.values().length, poolings.size()));
      }
      poolings = List.copyOf(poolings);
    }

    /// Without the folder's Dense layers.
    public Pooled(List<Pooling> poolings, boolean normalize) {
      this(poolings, false, normalize);
    }

    /// The same with or without the scaling.
    public Pooled scaled(boolean scaled) {
      return new Pooled(poolings, dense, scaled);
    }
  }
}
