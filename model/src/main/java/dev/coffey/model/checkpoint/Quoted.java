package dev.coffey.model.checkpoint;

import java.nio.file.Path;
import java.util.Collection;
import java.util.stream.Collectors;

/// Text from a file or a path, made fit for a one-line message: bounded, with nothing in it that a
/// terminal or a log would obey.
final class Quoted {
  /// Longer than any tensor name in use (BERT's longest has 62 characters), short enough for a
  /// line.
  private static final int LIMIT = 120;

  private Quoted() {}

  /// `'text'`, escaped, cut at 120 characters.
  static String of(String text) {
    return "'" + printable(text, LIMIT) + "'";
  }

  /// A path as it was given, escaped; whole, since the reader must find the file.
  static String path(Path path) {
    return printable(path.toString(), Integer.MAX_VALUE);
  }

  /// The first few of `texts`, quoted, and how many more there are.
  static String list(Collection<String> texts) {
    int shown = 5;
    String first = texts.stream().limit(shown).map(Quoted::of).collect(Collectors.joining(", "));
    return texts.size() <= shown ? first : first + " and " + (texts.size() - shown) + " more";
  }

  private static String printable(String text, int limit) {
    StringBuilder printable = new StringBuilder(Math.min(text.length(), limit) + 16);
    int end = Math.min(text.length(), limit);
    for (int i = 0; i < end; i++) {
      char c = text.charAt(i);
      boolean visible =
          switch (Character.getType(c)) {
            case Character.CONTROL,
                Character.FORMAT,
                Character.SURROGATE,
                Character.PRIVATE_USE,
                Character.UNASSIGNED,
                Character.LINE_SEPARATOR,
                Character.PARAGRAPH_SEPARATOR ->
                false;
            default -> true;
          };
      if (visible) {
        printable.append(c);
      } else {
        printable.append("\\u%04x".formatted((int) c));
      }
    }
    if (end < text.length()) {
      printable.append("… (").append(text.length()).append(" characters)");
    }
    return printable.toString();
  }
}
