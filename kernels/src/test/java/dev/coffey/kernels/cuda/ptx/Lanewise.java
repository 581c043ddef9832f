package dev.coffey.kernels.cuda.ptx;

/// Instructions that compute each lane's result from the same lane's operands. All lanes are
/// computed, and those that don't execute keep what they had.
final class Lanewise {
  private Lanewise() {}

  /// Up to three words to a word.
  @FunctionalInterface
  interface Words {
    int apply(int a, int b, int c);
  }

  /// Up to three longs to a long.
  @FunctionalInterface
  interface Longs {
    long apply(long a, long b, long c);
  }

  /// Two words and a long to a long.
  @FunctionalInterface
  interface Widening {
    long apply(int a, int b, long c);
  }

  /// A long and a word to a long.
  @FunctionalInterface
  interface Shift {
    long apply(long a, int b);
  }

  /// A long to a word.
  @FunctionalInterface
  interface Narrowing {
    int apply(long a);
  }

  @FunctionalInterface
  interface WordTest {
    boolean test(int a, int b);
  }

  @FunctionalInterface
  interface LongTest {
    boolean test(long a, long b);
  }

  /// How a comparison's result and a predicate make the result.
  enum Combination {
    NONE,
    AND,
    OR,
    XOR
  }

  static final class OnWords extends Instruction {
    private final Words function;
    private final int result;
    private final int a;
    private final int b;
    private final int c;

    OnWords(Site site, Words function, int result, int a, int b, int c) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
      this.b = b;
      this.c = c;
    }

    @Override
    void execute(Warp warp, int mask) {
      int[] words = warp.words;
      int[] out = mask == Warp.ALL ? words : warp.wordResult;
      int at = mask == Warp.ALL ? result : 0;
      for (int i = 0; i < Warp.LANES; i++) {
        out[at + i] = function.apply(words[a + i], words[b + i], words[c + i]);
      }
      if (mask != Warp.ALL) {
        warp.keepWords(result, mask);
      }
    }
  }

  /// `fma.rn.f32`, of which fp32 kernels consist.
  static final class MultiplyAdd extends Instruction {
    private final int result;
    private final int a;
    private final int b;
    private final int c;

    MultiplyAdd(Site site, int result, int a, int b, int c) {
      super(site);
      this.result = result;
      this.a = a;
      this.b = b;
      this.c = c;
    }

    @Override
    void execute(Warp warp, int mask) {
      int[] words = warp.words;
      int[] out = mask == Warp.ALL ? words : warp.wordResult;
      int at = mask == Warp.ALL ? result : 0;
      for (int i = 0; i < Warp.LANES; i++) {
        out[at + i] =
            Float.floatToRawIntBits(
                Math.fma(
                    Float.intBitsToFloat(words[a + i]),
                    Float.intBitsToFloat(words[b + i]),
                    Float.intBitsToFloat(words[c + i])));
      }
      if (mask != Warp.ALL) {
        warp.keepWords(result, mask);
      }
    }
  }

  static final class OnLongs extends Instruction {
    private final Longs function;
    private final int result;
    private final int a;
    private final int b;
    private final int c;

    OnLongs(Site site, Longs function, int result, int a, int b, int c) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
      this.b = b;
      this.c = c;
    }

    @Override
    void execute(Warp warp, int mask) {
      long[] longs = warp.longs;
      long[] out = mask == Warp.ALL ? longs : warp.longResult;
      int at = mask == Warp.ALL ? result : 0;
      for (int i = 0; i < Warp.LANES; i++) {
        out[at + i] = function.apply(longs[a + i], longs[b + i], longs[c + i]);
      }
      if (mask != Warp.ALL) {
        warp.keepLongs(result, mask);
      }
    }
  }

  static final class Widen extends Instruction {
    private final Widening function;
    private final int result;
    private final int a;
    private final int b;
    private final int c;

    Widen(Site site, Widening function, int result, int a, int b, int c) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
      this.b = b;
      this.c = c;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int i = 0; i < Warp.LANES; i++) {
        warp.longResult[i] =
            function.apply(warp.words[a + i], warp.words[b + i], warp.longs[c + i]);
      }
      warp.keepLongs(result, mask);
    }
  }

  static final class ShiftLong extends Instruction {
    private final Shift function;
    private final int result;
    private final int a;
    private final int b;

    ShiftLong(Site site, Shift function, int result, int a, int b) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
      this.b = b;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int i = 0; i < Warp.LANES; i++) {
        warp.longResult[i] = function.apply(warp.longs[a + i], warp.words[b + i]);
      }
      warp.keepLongs(result, mask);
    }
  }

  static final class Narrow extends Instruction {
    private final Narrowing function;
    private final int result;
    private final int a;

    Narrow(Site site, Narrowing function, int result, int a) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int i = 0; i < Warp.LANES; i++) {
        warp.wordResult[i] = function.apply(warp.longs[a + i]);
      }
      warp.keepWords(result, mask);
    }
  }

  /// The results of a comparison: itself, and its opposite, each combined with a predicate. -1 for
  /// a result that nobody wants.
  record Outcome(
      int result, int opposite, Combination combination, int predicate, boolean negated) {
    void set(Warp warp, int mask, int bits) {
      int other = 0;
      if (combination != Combination.NONE) {
        other = negated ? ~warp.predicates[predicate] : warp.predicates[predicate];
      }
      // Both before either: a result may be the predicate.
      if (result >= 0) {
        warp.setPredicate(result, mask, combined(bits, other));
      }
      if (opposite >= 0) {
        warp.setPredicate(opposite, mask, combined(~bits, other));
      }
    }

    private int combined(int bits, int other) {
      return switch (combination) {
        case NONE -> bits;
        case AND -> bits & other;
        case OR -> bits | other;
        case XOR -> bits ^ other;
      };
    }
  }

  static final class CompareWords extends Instruction {
    private final WordTest test;
    private final Outcome outcome;
    private final int a;
    private final int b;

    CompareWords(Site site, WordTest test, Outcome outcome, int a, int b) {
      super(site);
      this.test = test;
      this.outcome = outcome;
      this.a = a;
      this.b = b;
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = 0;
      for (int i = 0; i < Warp.LANES; i++) {
        if (test.test(warp.words[a + i], warp.words[b + i])) {
          bits |= 1 << i;
        }
      }
      outcome.set(warp, mask, bits);
    }
  }

  static final class CompareLongs extends Instruction {
    private final LongTest test;
    private final Outcome outcome;
    private final int a;
    private final int b;

    CompareLongs(Site site, LongTest test, Outcome outcome, int a, int b) {
      super(site);
      this.test = test;
      this.outcome = outcome;
      this.a = a;
      this.b = b;
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = 0;
      for (int i = 0; i < Warp.LANES; i++) {
        if (test.test(warp.longs[a + i], warp.longs[b + i])) {
          bits |= 1 << i;
        }
      }
      outcome.set(warp, mask, bits);
    }
  }

  static final class SelectWord extends Instruction {
    private final int result;
    private final int a;
    private final int b;
    private final int predicate;

    SelectWord(Site site, int result, int a, int b, int predicate) {
      super(site);
      this.result = result;
      this.a = a;
      this.b = b;
      this.predicate = predicate;
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = warp.predicates[predicate];
      for (int i = 0; i < Warp.LANES; i++) {
        warp.wordResult[i] = warp.words[((bits >>> i & 1) != 0 ? a : b) + i];
      }
      warp.keepWords(result, mask);
    }
  }

  static final class SelectLong extends Instruction {
    private final int result;
    private final int a;
    private final int b;
    private final int predicate;

    SelectLong(Site site, int result, int a, int b, int predicate) {
      super(site);
      this.result = result;
      this.a = a;
      this.b = b;
      this.predicate = predicate;
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = warp.predicates[predicate];
      for (int i = 0; i < Warp.LANES; i++) {
        warp.longResult[i] = warp.longs[((bits >>> i & 1) != 0 ? a : b) + i];
      }
      warp.keepLongs(result, mask);
    }
  }

  /// On whole predicate registers, a bit a lane.
  static final class OnPredicates extends Instruction {
    private final Words function;
    private final int result;
    private final int a;
    private final int b;

    OnPredicates(Site site, Words function, int result, int a, int b) {
      super(site);
      this.function = function;
      this.result = result;
      this.a = a;
      this.b = b;
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = function.apply(warp.predicates[a], b < 0 ? 0 : warp.predicates[b], 0);
      warp.setPredicate(result, mask, bits);
    }
  }

  /// `{a, b, ...}` of words into one word or long: `parts` in the order of their bits.
  static final class Pack extends Instruction {
    private final boolean toLong;
    private final int result;
    private final int[] parts;

    Pack(Site site, boolean toLong, int result, int[] parts) {
      super(site);
      this.toLong = toLong;
      this.result = result;
      this.parts = parts.clone();
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = (toLong ? Long.SIZE : Integer.SIZE) / parts.length;
      for (int i = 0; i < Warp.LANES; i++) {
        long all = 0;
        for (int p = 0; p < parts.length; p++) {
          long part = warp.words[parts[p] + i] & (1L << bits) - 1;
          all |= part << (p * bits);
        }
        warp.longResult[i] = all;
        warp.wordResult[i] = (int) all;
      }
      if (toLong) {
        warp.keepLongs(result, mask);
      } else {
        warp.keepWords(result, mask);
      }
    }
  }

  /// One word or long into `{a, b, ...}`; -1 for a part that nobody wants.
  static final class Unpack extends Instruction {
    private final boolean fromLong;
    private final int source;
    private final int[] parts;

    Unpack(Site site, boolean fromLong, int source, int[] parts) {
      super(site);
      this.fromLong = fromLong;
      this.source = source;
      this.parts = parts.clone();
    }

    @Override
    void execute(Warp warp, int mask) {
      int bits = (fromLong ? Long.SIZE : Integer.SIZE) / parts.length;
      for (int i = 0; i < Warp.LANES; i++) {
        // The source may be among the results: it is read before they are written.
        warp.longResult[i] = fromLong ? warp.longs[source + i] : warp.words[source + i];
      }
      for (int p = 0; p < parts.length; p++) {
        if (parts[p] >= 0) {
          for (int i = 0; i < Warp.LANES; i++) {
            warp.wordResult[i] = (int) ((warp.longResult[i] >>> (p * bits)) & ((1L << bits) - 1));
          }
          warp.keepWords(parts[p], mask);
        }
      }
    }
  }
}
