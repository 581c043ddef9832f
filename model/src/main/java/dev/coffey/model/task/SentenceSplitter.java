package dev.coffey.model.task;

import dev.coffey.model.tokenize.CodePoints;
import java.text.BreakIterator;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// The sentences of a text, found by its punctuation as the JDK's BreakIterator does in any
/// language.
final class SentenceSplitter {
  private SentenceSplitter() {}

  /// In order, without the space around them; what is only space is no sentence.
  static List<Span> of(String text) {
    BreakIterator breaks = BreakIterator.getSentenceInstance(Locale.ROOT);
    breaks.setText(text);
    List<Span> sentences = new ArrayList<>();
    Place place = new Place(0, 0, 0);
    int from = breaks.first();
    for (int to = breaks.next(); to != BreakIterator.DONE; from = to, to = breaks.next()) {
      int start = from;
      int end = to;
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
