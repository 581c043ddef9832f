package dev.coffey.kernels.cuda.ptx;

import java.util.ArrayList;
import java.util.List;

/// A word or a single character of PTX, and the line where it stands.
record Token(String text, int line) {
  boolean is(String other) {
    return text.equals(other);
  }

  /// The tokens of `source`. A word is whatever has letters, digits, and `_ $ % . ::` in it, so
  /// `ld.global.u32`, `%tid.x` and `0f3F800000` are one each. A string is one token, quotes and
  /// all.
  static List<Token> of(String source) {
    List<Token> tokens = new ArrayList<>();
    int line = 1;
    int i = 0;
    while (i < source.length()) {
      char c = source.charAt(i);
      if (c == '\n') {
        line++;
        i++;
      } else if (Character.isWhitespace(c) || c == 0) {
        i++;
      } else if (source.startsWith("//", i)) {
        i = end(source, "\n", i);
      } else if (source.startsWith("/*", i)) {
        int end = end(source, "*/", i) + 2;
        line += (int) source.substring(i, Math.min(end, source.length())).lines().count() - 1;
        i = end;
      } else if (c == '"') {
        int end = Math.min(end(source, "\"", i + 1) + 1, source.length());
        tokens.add(new Token(source.substring(i, end), line));
        i = end;
      } else {
        int end = i;
        while (end < source.length() && isWord(source, end)) {
          end += source.charAt(end) == ':' ? 2 : 1;
        }
        end = Math.max(end, i + 1);
        tokens.add(new Token(source.substring(i, end), line));
        i = end;
      }
    }
    return tokens;
  }

  private static int end(String source, String mark, int from) {
    int at = source.indexOf(mark, from);
    return at < 0 ? source.length() : at;
  }

  private static boolean isWord(String source, int at) {
    char c = source.charAt(at);
    return Character.isLetterOrDigit(c)
        || c == '_'
        || c == '$'
        || c == '%'
        || c == '.'
        || source.startsWith("::", at);
  }
}
