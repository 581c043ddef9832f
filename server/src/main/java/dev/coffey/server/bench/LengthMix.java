package dev.coffey.server.bench;

import java.util.SplittableRandom;

/// How long the texts of a load are, in tokens with their specials.
public sealed interface LengthMix {
  /// The longest text that any mix makes.
  int LONGEST = 512;

  /// As a user writes it: `long-tail`, `fixed:128`.
  String label();

  /// The next text's length.
  int next(SplittableRandom random);

  /// All of one length.
  record Fixed(int tokens) implements LengthMix {
    public Fixed {
      check(tokens);
    }

    @Override
    public String label() {
      return "fixed:" + tokens;
    }

    @Override
    public int next(SplittableRandom random) {
      return tokens;
    }
  }

  /// Each length from `least` to `most` as often as any other.
  record Uniform(int least, int most) implements LengthMix {
    public Uniform {
      check(least);
      check(most);
      if (least > most) {
        throw new IllegalArgumentException(
            "uniform:%d:%d: the shortest is longer than the longest".formatted(least, most));
      }
    }

    @Override
    public String label() {
      return "uniform:" + least + ":" + most;
    }

    @Override
    public int next(SplittableRandom random) {
      return random.nextInt(least, most + 1);
    }
  }

  /// As long as the sentences of SST-2: one of film reviews, 25 tokens on average.
  record Sst2() implements LengthMix {
    /// How many of the 872 sentences of GLUE's dev.tsv have 0, 1, 2 … tokens in BERT's uncased
    /// vocabulary, `[CLS]` and `[SEP]` among them.
    private static final int[] COUNTS = {
      0, 0, 0, 0, 2, 1, 2, 7, 12, 12, 22, 17, 28, 20, 28, 23, 23, 23, 34, 29, 38, 29, 31, 25, 30,
      37, 31, 33, 27, 26, 27, 23, 24, 16, 21, 21, 15, 13, 12, 17, 17, 18, 8, 4, 14, 3, 3, 5, 4, 5,
      2, 1, 2, 4, 2, 1
    };

    private static final int SENTENCES = 872;

    @Override
    public String label() {
      return "sst2";
    }

    @Override
    public int next(SplittableRandom random) {
      int left = random.nextInt(SENTENCES);
      int tokens = 0;
      while (left >= COUNTS[tokens]) {
        left -= COUNTS[tokens];
        tokens++;
      }
      return tokens;
    }
  }

  /// `min(512, 8 + an exponential of mean 48)`: mostly short, some very long.
  record LongTail() implements LengthMix {
    @Override
    public String label() {
      return "long-tail";
    }

    @Override
    public int next(SplittableRandom random) {
      return (int) Math.min(LONGEST, 8 - 48 * Math.log(1 - random.nextDouble()));
    }
  }

  /// Reads what [#label] writes.
  ///
  /// @throws IllegalArgumentException if it is none of them
  static LengthMix parse(String text) {
    String[] parts = text.split(":", -1);
    try {
      if (parts.length == 1 && parts[0].equals("sst2")) {
        return new Sst2();
      }
      if (parts.length == 1 && parts[0].equals("long-tail")) {
        return new LongTail();
      }
      if (parts.length == 2 && parts[0].equals("fixed")) {
        return new Fixed(Integer.parseInt(parts[1]));
      }
      if (parts.length == 3 && parts[0].equals("uniform")) {
        return new Uniform(Integer.parseInt(parts[1]), Integer.parseInt(parts[2]));
      }
    } catch (NumberFormatException _) {
      // Said below.
    }
    throw new IllegalArgumentException(
        "length mix '%s': expected sst2, long-tail, fixed:TOKENS or uniform:LEAST:MOST"
            .formatted(text));
  }

  private static void check(int tokens) {
    if (tokens < 2 || tokens > LONGEST) {
      throw new IllegalArgumentException(
          "a text of %d tokens: must be 2 to %d".formatted(tokens, LONGEST));
    }
  }
}
