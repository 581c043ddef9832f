package dev.coffey.model.task;

import dev.coffey.model.Readout;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/// Shortens a text to the sentences that stand for all of it. For models that make vectors of
/// texts. Any thread.
///
/// Each sentence is an input; one that is too long is read in windows. The sentences whose vectors
/// are nearest to all others are chosen: the degree centrality of LexRank, without its threshold. A
/// sentence that says what a chosen one said already is passed over as long as there are others.
public final class Summarizing {
  /// How many sentences if not told.
  public static final Length DEFAULT_LENGTH = new Length.Sentences(3);

  /// Two sentences whose cosine is at least this say the same.
  private static final double SAME = 0.95;

  private final Tokenizer tokenizer;
  private final int maxTokens;
  private final Readout.Pooled pooled;
  private final String prompt;

  /// @param maxTokens the longest text that the model reads, specials included
  /// @param pooled how the model makes a vector of a text
  /// @param prompt put before each sentence; empty for none
  public Summarizing(Tokenizer tokenizer, int maxTokens, Readout.Pooled pooled, String prompt) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
    this.pooled = pooled;
    this.prompt = prompt;
  }

  /// How long a summary is.
  public sealed interface Length {
    /// So many sentences, at least 1; fewer where the text has no more.
    record Sentences(int count) implements Length {
      public Sentences {
        if (count < 1) {
          throw new IllegalArgumentException("sentences is " + count + "; expected 1 or more");
        }
      }
    }

    /// This share of the text's sentences, rounded, at least one.
    record Ratio(double share) implements Length {
      public Ratio {
        // Also false for NaN.
        if (!(share > 0 && share <= 1)) {
          throw new IllegalArgumentException(
              "ratio is " + share + "; expected more than 0, and at most 1");
        }
      }
    }

    /// How many of `sentences`.
    default int of(int sentences) {
      return switch (this) {
        case Sentences(int count) -> Math.min(count, sentences);
        case Ratio(double share) -> (int) Math.max(1, Math.round(share * sentences));
      };
    }
  }

  /// The chosen sentences, in the order of the text.
  ///
  /// @throws IllegalArgumentException if the text has no sentence or is no valid Unicode
  public PreparedTask<List<SummarySentence>> prepare(String text, Length length) {
    List<Span> sentences = SentenceSplitter.of(text);
    if (sentences.isEmpty()) {
      throw new IllegalArgumentException("no sentence in the text; send more than spaces");
    }
    List<PreparedTask<float[]>> vectors = new ArrayList<>(sentences.size());
    for (Span sentence : sentences) {
      List<Encoding> windows =
          TextFit.windows(maxTokens).encode(tokenizer, prompt + sentence.text(), null, maxTokens);
      vectors.add(Embedding.prepare(windows, pooled, 0, false));
    }
    return PreparedTask.all(vectors)
        .then(found -> summary(sentences, found, length.of(sentences.size())));
  }

  private static List<SummarySentence> summary(
      List<Span> sentences, List<float[]> vectors, int count) {
    List<float[]> directions =
        vectors.stream().map(vector -> Embedding.of(vector, 0, true)).toList();
    double[] centrality = centrality(directions);
    return chosen(TopK.of(centrality, 0), directions, count).stream()
        .sorted()
        .map(i -> new SummarySentence((float) centrality[i], sentences.get(i)))
        .toList();
  }

  /// The mean of each vector's cosines to all: of vectors of length 1 the product with their mean.
  private static double[] centrality(List<float[]> directions) {
    double[] mean = new double[directions.getFirst().length];
    for (float[] direction : directions) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += direction[i] / (double) directions.size();
      }
    }
    return directions.stream()
        .mapToDouble(direction -> {
          double product = 0;
          for (int i = 0; i < mean.length; i++) {
            product += direction[i] * mean[i];
          }
          return product;
        })
        .toArray();
  }

  /// The best `count` that differ from each other, filled up with the best others.
  private static List<Integer> chosen(
      List<Integer> bestFirst, List<float[]> directions, int count) {
    List<Integer> chosen = new ArrayList<>(count);
    List<Integer> repeated = new ArrayList<>();
    for (int i : bestFirst) {
      if (chosen.size() == count) {
        break;
      }
      boolean repeats =
          chosen.stream()
              .anyMatch(c -> Embedding.cosine(directions.get(c), directions.get(i)) >= SAME);
      (repeats ? repeated : chosen).add(i);
    }
    chosen.addAll(repeated.subList(0, Math.min(count - chosen.size(), repeated.size())));
    return chosen;
  }
}
