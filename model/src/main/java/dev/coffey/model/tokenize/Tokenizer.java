package dev.coffey.model.tokenize;

import ai.djl.huggingface.tokenizers.jni.CharSpan;
import dev.coffey.model.tokenize.NativeTokenizer.Raw;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
  private final boolean cleanUpSpaces;

  private Tokenizer(NativeTokenizer tokenizer, TokenizerFolder.Definition definition) {
    this.tokenizer = tokenizer;
    this.vocabulary = definition.vocabulary();
    this.modelMaxTokens = definition.modelMaxTokens();
    this.cleanUpSpaces = definition.cleanUpSpaces();
  }

  /// Reads the tokenizer of a model's folder: `tokenizer.json`, or else `vocab.txt` with, where
  /// they are there, `tokenizer_config.json` and `special_tokens_map.json`. The folder may lie in
  /// any file system.
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
    checkUnicode(text);
    checkUnicode(pair);
    Raw raw = tokenizer.encode(text, pair, true, maxTokens);
    int[] kept = kept(raw, truncation, maxTokens);
    return encoding(raw, kept);
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
    int[] kept = kept(raw, truncation, maxTokens);
    long[] sequences = present(raw.sequences());
    long[] words = present(raw.words());
    @Nullable CharSpan[] spans = present(raw.spans());
    Utf8Offsets first = new Utf8Offsets(text);
    Utf8Offsets second = pair == null ? first : new Utf8Offsets(pair);
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
    return new TokenizedText(encoding(raw, kept), List.copyOf(tokens));
  }

  /// The text of token ids, cleaned up as Hugging Face does it: word pieces joined, no space before
  /// punctuation.
  ///
  /// @param skipSpecials whether to leave out [CLS], [SEP] and other special tokens
  /// @throws IllegalArgumentException if an id is not in the vocabulary
  public String decode(int[] ids, boolean skipSpecials) {
    long[] checked = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      piece(ids[i]);
      checked[i] = ids[i];
    }
    String text = tokenizer.decode(checked, skipSpecials);
    return cleanUpSpaces ? cleanUp(text) : text;
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
  private static int[] kept(Raw raw, Truncation truncation, int maxTokens) {
    int tokens = raw.ids().length;
    int[] all = new int[tokens];
    Arrays.setAll(all, i -> i);
    if (tokens <= maxTokens) {
      return all;
    }
    if (truncation == Truncation.NONE) {
      throw new TooLongException(
          tokens, maxTokens, "shorten the text, or ask for truncation (RIGHT or LEFT)");
    }
    return Cut.kept(present(raw.sequences()), truncation, maxTokens);
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
