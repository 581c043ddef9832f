package dev.coffey.model.task;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.CodePoints;
import dev.coffey.model.tokenize.Overlap;
import dev.coffey.model.tokenize.PairCut;
import dev.coffey.model.tokenize.SpecialToken;
import dev.coffey.model.tokenize.Token;
import dev.coffey.model.tokenize.TokenizedText;
import dev.coffey.model.tokenize.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// The spans of a context that answer a question, as Hugging Face's question-answering pipeline of
/// version 4 finds them. For models with a question answering head. Any thread.
///
/// ```java
/// Answering answering = new Answering(tokenizer, maxTokens);
/// List<Answer> answers = answering.prepare(question, context, Answering.Options.DEFAULT).run(model);
/// ```
///
/// A context of any length is read in overlapping windows, one input each. Within a window the
/// scores of starts and of ends are each a softmax over the context and the classifier token; a
/// span's score is their product.
public final class Answering {
  /// The longest window if not told.
  private static final int DEFAULT_WINDOW = 384;

  /// The largest overlap of windows if not told.
  private static final int DEFAULT_OVERLAP = 128;

  private final Tokenizer tokenizer;
  private final int maxTokens;

  /// @param maxTokens the longest pair that the model reads, specials included
  public Answering(Tokenizer tokenizer, int maxTokens) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
  }

  /// What answers are wanted.
  ///
  /// @param topK how many, at least 1
  /// @param maxAnswerTokens the longest answer before it is widened to whole words, at least 1
  /// @param windowTokens the longest window, question and specials included; empty for the model's
  ///   limit or 384, whichever is less
  /// @param overlap tokens that neighbouring windows share (`doc_stride`); empty for 128 or half of
  ///   the longest window, whichever is less; where the question leaves no more than that, for half
  ///   of what it leaves
  /// @param allowNoAnswer whether "no answer" may be among the answers: its score is the least that
  ///   any window gives to it
  /// @param wholeWords whether an answer is widened to whole words (`align_to_words`)
  /// @param mergeEqual whether answers of the same text (but for case) are one, where the first
  ///   stands, with the sum of their scores
  public record Options(
      int topK,
      int maxAnswerTokens,
      OptionalInt windowTokens,
      OptionalInt overlap,
      boolean allowNoAnswer,
      boolean wholeWords,
      boolean mergeEqual) {
    /// As Hugging Face if not told.
    public static final Options DEFAULT =
        new Options(1, 15, OptionalInt.empty(), OptionalInt.empty(), false, true, true);

    public Options {
      atLeastOne("top_k", topK);
      atLeastOne("max_answer_tokens", maxAnswerTokens);
      windowTokens.ifPresent(tokens -> atLeastOne("window_tokens", tokens));
    }

    private static void atLeastOne(String name, int value) {
      if (value < 1) {
        throw new IllegalArgumentException(name + " is " + value + "; expected 1 or more");
      }
    }
  }

  /// The best answers, best first; fewer than `topK` where there are no more, none if the context
  /// has no tokens.
  ///
  /// @throws IllegalArgumentException if the question or the context is empty or no valid Unicode,
  ///   the question leaves no room for the context, or an option does not fit the model
  public PreparedTask<List<Answer>> prepare(String question, String context, Options options) {
    notEmpty("question", question);
    notEmpty("context", context);
    int longest = longestWindow(options);
    Overlap overlap =
        options.overlap().isPresent()
            ? Overlap.exactly(options.overlap().getAsInt())
            : Overlap.upTo(Math.min(longest / 2, DEFAULT_OVERLAP));
    List<TokenizedText> windows =
        tokenizer.tokenizeWindows(question, context, PairCut.ONLY_SECOND, overlap, longest);
    return new PreparedTask<>(
        windows.stream()
            .map(window -> TextInput.of(window.encoding(), List.of(new Readout.Head())))
            .toList(),
        0,
        outputs -> answers(context, windows, outputs, options));
  }

  private int longestWindow(Options options) {
    int longest = options.windowTokens().orElse(Math.min(maxTokens, DEFAULT_WINDOW));
    if (longest > maxTokens) {
      throw new IllegalArgumentException(
          "window_tokens is %d; this model reads at most %d".formatted(longest, maxTokens));
    }
    return longest;
  }

  private static void notEmpty(String what, String text) {
    if (text.isEmpty()) {
      throw new IllegalArgumentException("empty " + what + "; send at least one character");
    }
  }

  private List<Answer> answers(
      String context, List<TokenizedText> windows, List<List<Matrix>> outputs, Options options) {
    CodePoints text = new CodePoints(context);
    // As many as Hugging Face takes, so that answers that merge still leave enough.
    int wanted = options.wholeWords() ? 2 * options.topK() + 10 : options.topK();
    List<Candidate> candidates = new ArrayList<>();
    Map<String, Candidate> byText = new HashMap<>();
    double noAnswer = Double.POSITIVE_INFINITY;
    for (int w = 0; w < windows.size(); w++) {
      Window window = window(windows.get(w).tokens(), outputs.get(w).getFirst());
      noAnswer = Math.min(noAnswer, window.noAnswer());
      for (Window.Found found : window.best(wanted, options.maxAnswerTokens())) {
        Span span = window.span(found, options.wholeWords(), text);
        Candidate candidate = new Candidate(Optional.of(span), found.score());
        Candidate same =
            options.mergeEqual()
                ? byText.putIfAbsent(span.text().toLowerCase(Locale.ROOT), candidate)
                : null;
        if (same == null) {
          candidates.add(candidate);
        } else {
          same.score += candidate.score;
        }
      }
    }
    if (options.allowNoAnswer()) {
      candidates.add(new Candidate(Optional.empty(), noAnswer));
    }
    return candidates.stream()
        .sorted(Comparator.comparingDouble((Candidate candidate) -> -candidate.score))
        .limit(options.topK())
        .map(candidate -> new Answer((float) candidate.score, candidate.span))
        .toList();
  }

  private Window window(List<Token> tokens, Matrix logits) {
    int classifier = tokenizer.id(SpecialToken.CLASSIFIER).orElse(tokens.getFirst().id());
    boolean[] read = new boolean[tokens.size()];
    for (int i = 0; i < read.length; i++) {
      read[i] = tokens.get(i).sequence() == 1 || tokens.get(i).id() == classifier;
    }
    return new Window(tokens, softmax(logits, 0, read), softmax(logits, 1, read));
  }

  /// Over the rows that are `read`; the others have probability 0.
  private static double[] softmax(Matrix logits, int column, boolean[] read) {
    double max = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < read.length; i++) {
      max = read[i] ? Math.max(max, logits.at(i, column)) : max;
    }
    double[] scores = new double[read.length];
    double sum = 0;
    for (int i = 0; i < read.length; i++) {
      scores[i] = read[i] ? Math.exp(logits.at(i, column) - max) : 0;
      sum += scores[i];
    }
    for (int i = 0; i < read.length; i++) {
      scores[i] /= sum;
    }
    return scores;
  }

  /// An answer whose score may still grow.
  private static final class Candidate {
    private final Optional<Span> span;
    private double score;

    Candidate(Optional<Span> span, double score) {
      this.span = span;
      this.score = score;
    }
  }

  /// A window's tokens with the probability that the answer starts and ends at each.
  @SuppressWarnings("ArrayRecordComponent") // private and never compared
  private record Window(List<Token> tokens, double[] starts, double[] ends) {
    /// A span by the places of its first and last token.
    record Found(int first, int last, double score) {}

    double noAnswer() {
      return starts[0] * ends[0];
    }

    /// The best spans within the context, best first; of equal ones the earliest.
    List<Found> best(int count, int maxTokens) {
      int width = Math.min(maxTokens, tokens.size());
      double[] scores = new double[tokens.size() * width];
      for (int first = 0; first < tokens.size(); first++) {
        for (int length = 0; length < width; length++) {
          int last = first + length;
          scores[first * width + length] =
              last < tokens.size() && inContext(first) && inContext(last)
                  ? starts[first] * ends[last]
                  : -1;
        }
      }
      return TopK.of(scores, count).stream()
          .filter(place -> scores[place] >= 0)
          .map(place -> new Found(place / width, place / width + place % width, scores[place]))
          .toList();
    }

    Span span(Found found, boolean wholeWords, CodePoints text) {
      int first = found.first();
      int last = found.last();
      while (wholeWords && first > 0 && sameWord(first - 1, first)) {
        first--;
      }
      while (wholeWords && last + 1 < tokens.size() && sameWord(last, last + 1)) {
        last++;
      }
      return Span.of(text, tokens.get(first), tokens.get(last));
    }

    private boolean inContext(int place) {
      return tokens.get(place).sequence() == 1;
    }

    private boolean sameWord(int place, int next) {
      return inContext(place)
          && inContext(next)
          && tokens.get(place).word() == tokens.get(next).word();
    }
  }
}
