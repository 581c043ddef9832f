package dev.coffey.model.tokenize;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.coffey.model.tokenize.NativeTokenizer.Raw;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// Turns text into the token ids of one model, and back, as Hugging Face's tokenizer for the same
/// files does.
///
/// Any number of threads may call it at once: it has no state of its own but the native tokenizer,
/// which encoding only reads. [#close] waits for the calls under way; calls after it throw
/// IllegalStateException.
public final class Tokenizer implements AutoCloseable {
  private final NativeTokenizer tokenizer;
  private final Vocabulary vocabulary;
  private final OptionalInt modelMaxTokens;
  private final Map<SpecialToken, Integer> specials;
  private final boolean marksSubwords;
  private final boolean cleanUpSpaces;

  private Tokenizer(NativeTokenizer tokenizer, TokenizerFolder.Definition definition) {
    this.tokenizer = tokenizer;
    this.vocabulary = definition.vocabulary();
    this.modelMaxTokens = definition.modelMaxTokens();
    this.specials = definition.specials();
    this.marksSubwords = definition.marksSubwords();
    this.cleanUpSpaces = definition.cleanUpSpaces();
  }

  /// Reads the tokenizer of a model's folder: `tokenizer.json`, or else `vocab.txt` (WordPiece) or
  /// `spiece.model` (ALBERT's SentencePiece) with, where they are there, `tokenizer_config.json`
  /// and `special_tokens_map.json`. The folder may lie in any file system.
  ///
  /// Padding and truncation that `tokenizer.json` asks for are ignored: nothing is padded here, and
  /// [Truncation] is the caller's choice.
  ///
  /// @throws TokenizerException naming the file and what is wrong in it
  public static Tokenizer load(Path folder) {
    TokenizerFolder.Definition definition = TokenizerFolder.read(folder);
    NativeTokenizer tokenizer;
    try {
      NativeLibrary.load();
      tokenizer = new NativeTokenizer(definition.json());
    } catch (TokenizerException e) {
      throw e;
    } catch (RuntimeException e) {
      throw TokenizerException.in(
          definition.source(), "the tokenizers library refuses it: " + e.getMessage(), e);
    }
    try {
      checkSpecials(tokenizer, definition);
      return new Tokenizer(tokenizer, definition);
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /// The ids of a text, or of a pair of texts, with the special tokens of the model.
  ///
  /// @param maxTokens the most that may come out, specials included
  /// @throws TooLongException if more would and `truncation` is NONE
  /// @throws IllegalArgumentException if a text is no valid Unicode, or `maxTokens` leaves no room
  ///   for the specials
  public Encoding encode(String text, @Nullable String pair, Truncation truncation, int maxTokens) {
    return encode(text, pair, truncation, PairCut.LONGEST_FIRST, maxTokens);
  }

  /// As [#encode(String, String, Truncation, int)], cutting the text of a pair that `pairCut` says.
  ///
  /// @throws IllegalArgumentException also if nothing of that text would be left
  public Encoding encode(
      String text, @Nullable String pair, Truncation truncation, PairCut pairCut, int maxTokens) {
    checkUnicode(text);
    checkUnicode(pair);
    Raw raw = tokenizer.encode(text, pair, true, maxTokens);
    int[] kept = kept(raw, truncation, pairCut, maxTokens);
    return encoding(raw, kept);
  }

  /// The ids of a text in windows of up to `maxTokens`, specials included; one window if it fits.
  /// No token is left out.
  ///
  /// @param pairCut which text of a pair the windows move over; the other is in each of them
  /// @throws IllegalArgumentException if a text is no valid Unicode, or a window has no room to
  ///   move on
  public List<Encoding> encodeWindows(
      String text, @Nullable String pair, PairCut pairCut, Overlap overlap, int maxTokens) {
    checkUnicode(text);
    checkUnicode(pair);
    Raw raw = tokenizer.encode(text, pair, true, maxTokens);
    return windows(raw, pairCut, overlap, maxTokens).stream()
        .map(window -> encoding(raw, window).uncut())
        .toList();
  }

  /// As [#encode], with the place of each token in its text: several times the work, for tasks that
  /// need it.
  ///
  /// @param specials whether to add the model's special tokens
  public TokenizedText tokenize(
      String text, @Nullable String pair, boolean specials, Truncation truncation, int maxTokens) {
    checkUnicode(text);
    checkUnicode(pair);
    Raw raw = tokenizer.encodeFully(text, pair, specials);
    int[] kept = kept(raw, truncation, PairCut.LONGEST_FIRST, maxTokens);
    return new TokenizedText(encoding(raw, kept), places(raw, text, pair).at(kept));
  }

  /// As [#encodeWindows], with the place of each token in its whole text.
  public List<TokenizedText> tokenizeWindows(
      String text, @Nullable String pair, PairCut pairCut, Overlap overlap, int maxTokens) {
    checkUnicode(text);
    checkUnicode(pair);
    Raw raw = tokenizer.encodeFully(text, pair, true);
    Places places = places(raw, text, pair);
    return windows(raw, pairCut, overlap, maxTokens).stream()
        .map(window -> new TokenizedText(encoding(raw, window).uncut(), places.at(window)))
        .toList();
  }

  /// The text of token ids, cleaned up as Hugging Face does it: word pieces joined, no space before
  /// punctuation.
  ///
  /// @param skipSpecials whether to leave out [CLS], [SEP] and other special tokens
  /// @throws IllegalArgumentException if an id is not in the vocabulary
  public String decode(int[] ids, boolean skipSpecials) {
    String text = join(ids, skipSpecials);
    return cleanUpSpaces ? cleanUp(text) : text;
  }

  /// The words of tokens: their pieces joined, those that the vocabulary does not know as they
  /// stand in the text. What Hugging Face's token classification gives as `word`.
  ///
  /// @param text the text that the tokens are of
  public String words(List<Token> tokens, CodePoints text) {
    int[] ids = tokens.stream().mapToInt(Token::id).toArray();
    String joined = join(ids, false);
    OptionalInt unknown = id(SpecialToken.UNKNOWN);
    if (unknown.isEmpty()) {
      return joined;
    }
    // The decoder joins pieces, not texts: each unknown piece is exchanged afterwards.
    StringBuilder words = new StringBuilder();
    String piece = piece(unknown.getAsInt());
    int from = 0;
    for (Token token : tokens) {
      int at = token.id() == unknown.getAsInt() ? joined.indexOf(piece, from) : -1;
      if (at >= 0) {
        words.append(joined, from, at).append(text.piece(token.start(), token.end()));
        from = at + piece.length();
      }
    }
    return words.append(joined, from, joined.length()).toString();
  }

  private String join(int[] ids, boolean skipSpecials) {
    long[] checked = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      piece(ids[i]);
      checked[i] = ids[i];
    }
    return tokenizer.decode(checked, skipSpecials);
  }

  /// The piece with the given id, as the vocabulary writes it.
  ///
  /// @throws IllegalArgumentException if there is none
  public String piece(int id) {
    String piece = vocabulary.piece(id);
    if (piece == null) {
      throw new IllegalArgumentException(
          "token id %d is not in the vocabulary; ids are 0 to %d"
              .formatted(id, vocabulary.size() - 1));
    }
    return piece;
  }

  /// The id of a piece exactly as the vocabulary writes it, such as `[MASK]` or `##ing`.
  public OptionalInt id(String piece) {
    return vocabulary.id(piece);
  }

  /// The id of a special token; empty if the vocabulary has none of that role.
  public OptionalInt id(SpecialToken special) {
    Integer id = specials.get(special);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /// Whether pieces within a word are marked as such, as WordPiece marks them by `##`.
  public boolean marksSubwords() {
    return marksSubwords;
  }

  /// One past the largest id that comes out; the model's embedding table needs at least as many
  /// rows.
  public int vocabularySize() {
    return vocabulary.size();
  }

  /// The longest text, in tokens, that the tokenizer's files allow; empty if they name no limit.
  public OptionalInt modelMaxTokens() {
    return modelMaxTokens;
  }

  @Override
  public void close() {
    tokenizer.close();
  }

  /// The library believes a template's ids; an id beyond the vocabulary would read outside the
  /// embedding table.
  private static void checkSpecials(
      NativeTokenizer tokenizer, TokenizerFolder.Definition definition) {
    for (Raw raw :
        List.of(
            tokenizer.encode("", null, true, Integer.MAX_VALUE),
            tokenizer.encode("", "", true, Integer.MAX_VALUE))) {
      for (long id : raw.ids()) {
        if (definition.vocabulary().piece(id) == null) {
          throw TokenizerException.in(
              definition.source(),
              "the post-processor adds the id %d, which is not in the vocabulary of %d"
                  .formatted(id, definition.vocabulary().size()));
        }
      }
    }
  }

  /// The library would read the rest of such a text wrongly too, so it is refused, as Python
  /// refuses it.
  private static void checkUnicode(@Nullable String text) {
    for (int i = 0; text != null && i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == text.length()
            || !Character.isLowSurrogate(text.charAt(i + 1))) {
          throw new IllegalArgumentException(
              "text has half of a surrogate pair (U+%04X) at UTF-16 index %d: not valid Unicode"
                  .formatted((int) c, i));
        }
        i++;
      }
    }
  }

  /// Which tokens of `raw` stay, in order.
  private static int[] kept(Raw raw, Truncation truncation, PairCut pairCut, int maxTokens) {
    int tokens = raw.ids().length;
    if (tokens <= maxTokens) {
      return all(tokens);
    }
    if (truncation == Truncation.NONE) {
      throw new TooLongException(
          tokens, maxTokens, "shorten the text, or ask for truncation (RIGHT or LEFT)");
    }
    return Cut.kept(present(raw.sequences()), truncation, pairCut, maxTokens);
  }

  private static List<int[]> windows(Raw raw, PairCut pairCut, Overlap overlap, int maxTokens) {
    return raw.ids().length <= maxTokens
        ? List.of(all(raw.ids().length))
        : Windows.of(present(raw.sequences()), pairCut, overlap, maxTokens);
  }

  private static int[] all(int tokens) {
    int[] all = new int[tokens];
    Arrays.setAll(all, i -> i);
    return all;
  }

  private Places places(Raw raw, String text, @Nullable String pair) {
    Utf8Offsets first = new Utf8Offsets(text);
    return new Places(
        raw,
        present(raw.sequences()),
        present(raw.words()),
        present(raw.spans()),
        first,
        pair == null ? first : new Utf8Offsets(pair));
  }

  /// The tokens of a text with their places, made as they are asked for.
  private final class Places {
    private final Raw raw;
    private final long[] sequences;
    private final long[] words;
    private final @Nullable CharSpan[] spans;
    private final Utf8Offsets first;
    private final Utf8Offsets second;

    Places(
        Raw raw,
        long[] sequences,
        long[] words,
        @Nullable CharSpan[] spans,
        Utf8Offsets first,
        Utf8Offsets second) {
      this.raw = raw;
      this.sequences = sequences;
      this.words = words;
      this.spans = spans;
      this.first = first;
      this.second = second;
    }

    List<Token> at(int[] kept) {
      List<Token> tokens = new ArrayList<>(kept.length);
      for (int i : kept) {
        int sequence = (int) sequences[i];
        CharSpan span = spans[i];
        int start = span == null ? 0 : span.getStart();
        int end = span == null ? 0 : span.getEnd();
        Utf8Offsets bytes = sequence == 1 ? second : first;
        tokens.add(
            new Token(
                (int) raw.ids()[i],
                piece((int) raw.ids()[i]),
                (int) raw.types()[i],
                sequence,
                (int) words[i],
                start,
                end,
                bytes.at(start),
                bytes.at(end)));
      }
      return List.copyOf(tokens);
    }
  }

  private static Encoding encoding(Raw raw, int[] kept) {
    int[] ids = new int[kept.length];
    int[] types = new int[kept.length];
    for (int i = 0; i < kept.length; i++) {
      ids[i] = (int) raw.ids()[kept[i]];
      types[i] = (int) raw.types()[kept[i]];
    }
    return new Encoding(ids, types, raw.ids().length - kept.length);
  }

  /// `clean_up_tokenization` of transformers.
  private static String cleanUp(String text) {
    return text.replace(" .", ".")
        .replace(" ?", "?")
        .replace(" !", "!")
        .replace(" ,", ",")
        .replace(" ' ", "'")
        .replace(" n't", "n't")
        .replace(" 'm", "'m")
        .replace(" 's", "'s")
        .replace(" 've", "'ve")
        .replace(" 're", "'re");
  }

  private static <T> T present(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("not asked for");
    }
    return part;
  }
}
