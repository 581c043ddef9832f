package dev.coffey.model.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleBiFunction;
import java.util.regex.Pattern;

/// How near given answers come to the right ones, as SQuAD's evaluation script (version 2) counts:
/// without case, punctuation, articles and extra space. Not for several threads at once.
public final class AnswerScore {
  private static final Pattern PUNCTUATION = Pattern.compile("\\p{Punct}");
  private static final Pattern ARTICLES =
      Pattern.compile("\\b(a|an|the)\\b", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Pattern SPACE = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  private int total;
  private double exact;
  private double f1;

  /// Notes one question.
  ///
  /// @param right the answers that are right; empty where there is none in the text
  /// @param given the answer; empty for "no answer"
  public void add(List<String> right, String given) {
    total++;
    exact += best(right, given, (one, answer) -> words(one).equals(words(answer)) ? 1 : 0);
    f1 += best(right, given, AnswerScore::f1);
  }

  /// How many questions were noted.
  public int total() {
    return total;
  }

  /// The share of questions whose answer is equal to a right one; NaN of none.
  public double exactMatch() {
    return exact / total;
  }

  /// The mean over all questions of the best F1 of the words that the answer has in common with a
  /// right one; NaN of none.
  public double f1() {
    return f1 / total;
  }

  private static double best(
      List<String> right, String given, ToDoubleBiFunction<String, String> score) {
    return right.stream()
        // A right answer of articles and points alone says nothing.
        .filter(one -> !words(one).isEmpty())
        .mapToDouble(one -> score.applyAsDouble(one, given))
        .max()
        .orElseGet(() -> score.applyAsDouble("", given));
  }

  private static double f1(String right, String given) {
    List<String> rightWords = words(right);
    List<String> givenWords = words(given);
    if (rightWords.isEmpty() || givenWords.isEmpty()) {
      return rightWords.equals(givenWords) ? 1 : 0;
    }
    List<String> left = new ArrayList<>(rightWords);
    long common = givenWords.stream().filter(left::remove).count();
    return 2.0 * common / (rightWords.size() + givenWords.size());
  }

  private static List<String> words(String answer) {
    String plain = PUNCTUATION.matcher(answer.toLowerCase(Locale.ROOT)).replaceAll("");
    return Arrays.stream(SPACE.split(ARTICLES.matcher(plain).replaceAll(" ")))
        .filter(word -> !word.isEmpty())
        .toList();
  }
}
