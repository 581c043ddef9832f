package dev.coffey.model.task;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.CodePoints;
import dev.coffey.model.tokenize.SpecialToken;
import dev.coffey.model.tokenize.Token;
import dev.coffey.model.tokenize.TokenizedText;
import dev.coffey.model.tokenize.Tokenizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/// The entities of a text, as Hugging Face's token-classification pipeline finds them. For models
/// with a token classification head. Any thread.
///
/// ```java
/// Tagging tagging = new Tagging(tokenizer, maxTokens, model.config().labels());
/// List<Entity> entities =
///     tagging
///         .prepare(text, TextFit.windows(maxTokens), Aggregation.FIRST, Tagging.IGNORED)
///         .run(model);
/// ```
///
/// A text in windows has the entities of all its windows; where two overlap, the longer one stays,
/// of equally long ones the surer: what Hugging Face's `stride` does.
public final class Tagging {
  /// The labels that are left out if not told.
  public static final Set<String> IGNORED = Set.of("O");

  private final Tokenizer tokenizer;
  private final int maxTokens;
  private final List<String> labels;

  /// @param maxTokens the longest text that the model reads, specials included
  /// @param labels of the model's config, in order
  public Tagging(Tokenizer tokenizer, int maxTokens, List<String> labels) {
    this.tokenizer = tokenizer;
    this.maxTokens = maxTokens;
    this.labels = List.copyOf(labels);
  }

  /// The entities of `text`, in its order.
  ///
  /// @param ignored labels whose entities are left out, as the answer would name them: with B- and
  ///   I- for [Aggregation#NONE], else without
  /// @throws dev.coffey.model.tokenize.TooLongException if the text is too long and may not be cut
  /// @throws IllegalArgumentException if the text is no valid Unicode or its windows do not move on
  public PreparedTask<List<Entity>> prepare(
      String text, TextFit fit, Aggregation aggregation, Set<String> ignored) {
    List<TokenizedText> windows = fit.tokenize(tokenizer, text, null, maxTokens);
    Set<String> left = Set.copyOf(ignored);
    return new PreparedTask<>(
        windows.stream()
            .map(window -> TextInput.of(window.encoding(), List.of(new Readout.Head())))
            .toList(),
        windows.stream().mapToInt(window -> window.encoding().cut()).sum(),
        outputs -> entities(text, windows, outputs, aggregation, left));
  }

  private List<Entity> entities(
      String text,
      List<TokenizedText> windows,
      List<List<Matrix>> outputs,
      Aggregation aggregation,
      Set<String> ignored) {
    CodePoints points = new CodePoints(text);
    List<Entity> entities = new ArrayList<>();
    for (int w = 0; w < windows.size(); w++) {
      List<Scored> tokens = scored(windows.get(w).tokens(), outputs.get(w).getFirst(), points);
      for (Entity entity : entities(tokens, aggregation, points)) {
        if (!ignored.contains(entity.label())) {
          entities.add(entity);
        }
      }
    }
    return windows.size() > 1 ? withoutOverlaps(entities) : List.copyOf(entities);
  }

  /// The tokens of the text itself with the scores of all labels.
  private List<Scored> scored(List<Token> tokens, Matrix logits, CodePoints text) {
    List<Scored> scored = new ArrayList<>(tokens.size());
    for (int i = 0; i < tokens.size(); i++) {
      Token token = tokens.get(i);
      if (!token.special()) {
        double[] scores = Classification.scores(logits.row(i), ScoreFunction.SOFTMAX);
        scored.add(new Scored(token, scores, goesOn(token, text)));
      }
    }
    return scored;
  }

  /// Whether a token goes on with the word before it, told as Hugging Face tells it: a piece that
  /// is not as long as its text bears the mark of a subword. Without such marks: no space at its
  /// start.
  private boolean goesOn(Token token, CodePoints text) {
    if (unknown(token)) {
      return false;
    }
    if (tokenizer.marksSubwords()) {
      return token.piece().codePointCount(0, token.piece().length()) != token.end() - token.start();
    }
    return token.start() > 0 && text.piece(token.start() - 1, token.start() + 1).indexOf(' ') < 0;
  }

  private boolean unknown(Token token) {
    return tokenizer.id(SpecialToken.UNKNOWN).orElse(-1) == token.id();
  }

  private List<Entity> entities(List<Scored> tokens, Aggregation aggregation, CodePoints text) {
    return switch (aggregation) {
      case NONE -> tokens.stream().map(token -> single(Tagged.of(token, labels), text)).toList();
      case SIMPLE -> groups(tokens.stream().map(token -> Tagged.of(token, labels)).toList(), text);
      case FIRST, AVERAGE, MAX ->
          groups(
              words(tokens).stream().map(word -> Tagged.of(word, aggregation, labels)).toList(),
              text);
    };
  }

  private Entity single(Tagged tagged, CodePoints text) {
    Token token = tagged.tokens().getFirst();
    Span span = Span.of(text, token, token);
    String word = unknown(token) ? span.text() : token.piece();
    return new Entity(tagged.label(), (float) tagged.score(), word, span);
  }

  private static List<List<Scored>> words(List<Scored> tokens) {
    List<List<Scored>> words = new ArrayList<>();
    for (Scored token : tokens) {
      if (words.isEmpty() || !token.goesOn()) {
        words.add(new ArrayList<>());
      }
      words.getLast().add(token);
    }
    return words;
  }

  /// Joins neighbours of the same tag, unless the later begins anew with B-.
  private List<Entity> groups(List<Tagged> tagged, CodePoints text) {
    List<Entity> entities = new ArrayList<>();
    List<Tagged> group = new ArrayList<>();
    for (Tagged next : tagged) {
      if (!group.isEmpty() && (next.begins() || !next.tag().equals(group.getLast().tag()))) {
        entities.add(joined(group, text));
        group.clear();
      }
      group.add(next);
    }
    if (!group.isEmpty()) {
      entities.add(joined(group, text));
    }
    return entities;
  }

  private Entity joined(List<Tagged> group, CodePoints text) {
    String label = group.getFirst().label();
    double score = group.stream().mapToDouble(Tagged::score).average().orElseThrow();
    List<Token> tokens = group.stream().flatMap(tagged -> tagged.tokens().stream()).toList();
    return new Entity(
        // What follows the first hyphen, as Hugging Face names a group: also of labels without B-.
        label.substring(label.indexOf('-') + 1),
        (float) score,
        tokenizer.words(tokens, text),
        Span.of(text, tokens.getFirst(), tokens.getLast()));
  }

  /// Of entities that overlap, the longest stays; of equally long ones the surest.
  private static List<Entity> withoutOverlaps(List<Entity> entities) {
    List<Entity> sorted =
        entities.stream().sorted(Comparator.comparingInt(entity -> entity.span().start())).toList();
    List<Entity> kept = new ArrayList<>();
    for (Entity entity : sorted) {
      if (kept.isEmpty() || entity.span().start() >= kept.getLast().span().end()) {
        kept.add(entity);
      } else if (better(entity, kept.getLast())) {
        kept.set(kept.size() - 1, entity);
      }
    }
    return List.copyOf(kept);
  }

  private static boolean better(Entity entity, Entity than) {
    int length = entity.span().end() - entity.span().start();
    int thanLength = than.span().end() - than.span().start();
    return length > thanLength || (length == thanLength && entity.score() > than.score());
  }

  /// A token, the score of each label, and whether it goes on with the word before it.
  @SuppressWarnings("ArrayRecordComponent") // private and never compared
  private record Scored(Token token, double[] scores, boolean goesOn) {}

  /// A token or a word with the label that it was given.
  private record Tagged(String label, double score, List<Token> tokens) {
    static Tagged of(Scored token, List<String> labels) {
      return of(token.scores(), List.of(token.token()), labels);
    }

    static Tagged of(List<Scored> word, Aggregation aggregation, List<String> labels) {
      double[] scores =
          switch (aggregation) {
            case NONE, SIMPLE -> throw new IllegalArgumentException("words are not aggregated");
            case FIRST -> word.getFirst().scores();
            case AVERAGE -> mean(word);
            case MAX -> surest(word);
          };
      return of(scores, word.stream().map(Scored::token).toList(), labels);
    }

    private static Tagged of(double[] scores, List<Token> tokens, List<String> labels) {
      int best = best(scores);
      return new Tagged(labels.get(best), scores[best], tokens);
    }

    private static double[] mean(List<Scored> word) {
      double[] mean = new double[word.getFirst().scores().length];
      for (Scored token : word) {
        for (int i = 0; i < mean.length; i++) {
          mean[i] += token.scores()[i] / word.size();
        }
      }
      return mean;
    }

    private static double[] surest(List<Scored> word) {
      double[] surest = word.getFirst().scores();
      for (Scored token : word) {
        if (token.scores()[best(token.scores())] > surest[best(surest)]) {
          surest = token.scores();
        }
      }
      return surest;
    }

    private static int best(double[] scores) {
      return TopK.of(scores, 1).getFirst();
    }

    /// Whether it begins an entity even after one of the same tag.
    boolean begins() {
      return label.startsWith("B-");
    }

    String tag() {
      return label.startsWith("B-") || label.startsWith("I-") ? label.substring(2) : label;
    }
  }
}
