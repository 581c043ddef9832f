package dev.coffey.kernels.cuda.ptx;

import java.util.ArrayList;
import java.util.List;

/// Tokens, read one after another.
final class Tokens {
  private final List<Token> tokens;
  private int next;

  Tokens(List<Token> tokens) {
    this.tokens = tokens;
  }

  boolean hasNext() {
    return next < tokens.size();
  }

  Token peek() {
    if (!hasNext()) {
      throw fault("the text ends too early");
    }
    return tokens.get(next);
  }

  /// Whether the token after the next one is `text`.
  boolean isSecond(String text) {
    return next + 1 < tokens.size() && tokens.get(next + 1).is(text);
  }

  Token next() {
    Token token = peek();
    next++;
    return token;
  }

  boolean skipIf(String text) {
    boolean found = hasNext() && tokens.get(next).is(text);
    next += found ? 1 : 0;
    return found;
  }

  void expect(String text) {
    if (!skipIf(text)) {
      throw fault("expected " + text);
    }
  }

  /// From `{` to the `}` that belongs to it, both included.
  List<Token> block() {
    List<Token> block = new ArrayList<>();
    int depth = 0;
    do {
      Token token = next();
      depth += token.is("{") ? 1 : token.is("}") ? -1 : 0;
      block.add(token);
    } while (depth > 0);
    return block;
  }

  /// Skips what is left of the line that the last token stands on.
  void skipLine() {
    int line = tokens.get(next - 1).line();
    while (hasNext() && peek().line() == line) {
      next++;
    }
  }

  /// The rest of a declaration: `.align 4 .b8 name[10]`.
  PtxModule.Variable variable() {
    int align = 1;
    int size = 0;
    while (peek().text().startsWith(".")) {
      String word = next().text().substring(1);
      Type type = Type.of(word);
      if (word.equals("align")) {
        align = (int) number();
      } else if (type != null) {
        size = type.bytes();
      } else if (!word.equals("ptr")
          && !word.equals("global")
          && !word.equals("shared")
          && !word.equals("const")) {
        throw fault("in a declaration: ." + word);
      }
    }
    String name = next().text();
    int count = 1;
    while (skipIf("[")) {
      count *= peek().is("]") ? 0 : (int) number();
      expect("]");
    }
    return new PtxModule.Variable(name, Math.max(align, size), size, count);
  }

  /// A number; of a floating-point one the bits.
  long number() {
    boolean negative = skipIf("-");
    String text = next().text();
    try {
      long value;
      if (text.matches("0[fF][0-9a-fA-F]{8}")) {
        value = Integer.parseUnsignedInt(text.substring(2), 16) & 0xFFFF_FFFFL;
      } else if (text.matches("0[dD][0-9a-fA-F]{16}")) {
        value = Long.parseUnsignedLong(text.substring(2), 16);
      } else {
        String digits = text.endsWith("U") ? text.substring(0, text.length() - 1) : text;
        value =
            digits.startsWith("0x") || digits.startsWith("0X")
                ? Long.parseUnsignedLong(digits.substring(2), 16)
                : Long.parseUnsignedLong(digits);
      }
      return negative ? -value : value;
    } catch (NumberFormatException e) {
      throw fault("no number: " + text);
    }
  }

  boolean contain(String text) {
    return tokens.stream().anyMatch(token -> token.is(text));
  }

  int position() {
    return next;
  }

  /// The tokens from `from` to the last one read, as one line.
  String text(int from) {
    StringBuilder text = new StringBuilder();
    for (int i = from; i < next - 1; i++) {
      text.append(tokens.get(i).text()).append(tokens.get(i).is(",") ? " " : "");
    }
    return text.toString();
  }

  Fault fault(String what) {
    int at = Math.min(Math.max(next - 1, 0), tokens.size() - 1);
    String where =
        at < 0 ? "" : " at PTX line " + tokens.get(at).line() + ", near " + tokens.get(at).text();
    return new Fault(Fault.Kind.SYNTAX, what + where);
  }
}
