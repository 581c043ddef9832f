package dev.coffey.model.task;

import dev.coffey.model.tokenize.CodePoints;
import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// The sentences of a text, found by its punctuation as the JDK's BreakIterator does in any
/// language. A point after an initial or a title ends none, as in "Dr. J. Smith"; an empty line
/// ends one without a point, such as a heading.
final class SentenceSplitter {
  /// What stands before a name or a number and is written with a point.
  private static final Set<String> TITLES =
      Set.of(
          "Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Rev", "Gen", "Col", "Capt", "Lt", "Sgt", "Gov",
          "Sen", "Rep", "vs", "Fig", "e.g", "i.e");

  private static final int LONGEST_TITLE = 4;

  private static final Pattern EMPTY_LINE = Pattern.compile("\\R\\h*\\R");

  private SentenceSplitter() {}

  /// In order, without the space around them; what is only space is no sentence.
  static List<Span> of(String text) {
    List<Span> sentences = new ArrayList<>();
    Place place = new Place(0, 0, 0);
    int from = 0;
    for (int to : ends(text)) {
      int start = from;
      int end = to;
      from = to;
      while (start < end && space(text.codePointAt(start))) {
        start += Character.charCount(text.codePointAt(start));
      }
      while (end > start && space(text.codePointBefore(end))) {
        end -= Character.charCount(text.codePointBefore(end));
      }
      if (start < end) {
        Place first = place.moved(text, start);
        place = first.moved(text, end);
        sentences.add(
            new Span(
                text.substring(start, end),
                first.codePoint(),
                place.codePoint(),
                first.utf8(),
                place.utf8()));
      }
    }
    return List.copyOf(sentences);
  }

  private static SortedSet<Integer> ends(String text) {
    SortedSet<Integer> ends = new TreeSet<>();
    BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.ROOT);
    breaks.setText(text);
    for (int end = breaks.next(); end != BreakIterator.DONE; end = breaks.next()) {
      if (end == text.length() || !goesOn(text, end)) {
        ends.add(end);
      }
    }
    EMPTY_LINE.matcher(text).results().forEach(line -> ends.add(line.end()));
    return ends;
  }

  /// Whether the word before `end` is an initial or a title with its point.
  private static boolean goesOn(String text, int end) {
    int point = end;
    while (point > 0 && space(text.codePointBefore(point))) {
      point--;
    }
    if (point == 0 || text.charAt(point - 1) != '.') {
      return false;
    }
    int start = point - 1;
    while (start > 0 && point - start <= LONGEST_TITLE + 1 && inWord(text.charAt(start - 1))) {
      start--;
    }
    String word = text.substring(start, point - 1);
    return TITLES.contains(word) || (word.length() == 1 && Character.isUpperCase(word.charAt(0)));
  }

  private static boolean inWord(char c) {
    return Character.isLetter(c) || c == '.';
  }

  private static boolean space(int codePoint) {
    return Character.isWhitespace(codePoint) || Character.isSpaceChar(codePoint);
  }

  /// A place in a text, counted in UTF-16, in code points and in bytes of UTF-8.
  private record Place(int utf16, int codePoint, int utf8) {
    /// Further on in the text.
    Place moved(String text, int to) {
      int at = utf16;
      int points = codePoint;
      int bytes = utf8;
      while (at < to) {
        int c = text.codePointAt(at);
        at += Character.charCount(c);
        points++;
        bytes += CodePoints.utf8Length(c);
      }
      return new Place(at, points, bytes);
    }
  }
}
