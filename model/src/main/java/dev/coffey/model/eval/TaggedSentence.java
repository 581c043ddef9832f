package dev.coffey.model.eval;

import dev.coffey.model.task.Entity;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A sentence in words, each with its right tag.
public record TaggedSentence(List<String> words, List<String> tags) {
  /// Where files were put together, one may stand alone on a line, as at the end of WNUT 17's.
  private static final String BYTE_ORDER_MARK = "\uFEFF";

  private static final Pattern LANGUAGE = Pattern.compile("([a-z]{2,3}:).*", Pattern.DOTALL);

  public TaggedSentence {
    words = List.copyOf(words);
    tags = List.copyOf(tags);
  }

  /// The sentences of a CoNLL file: a word a line with its tag in the last column, columns parted
  /// by tabs or spaces, an empty line between sentences. Lines that begin with `-DOCSTART-` are
  /// passed over. Where every word bears the same language (`en:`), as in WikiANN, it is taken off.
  ///
  /// @throws DataException if the file can't be read, or a line has no tag: with the line
  public static List<TaggedSentence> read(Path file) {
    List<TaggedSentence> sentences = new ArrayList<>();
    List<String> words = new ArrayList<>();
    List<String> tags = new ArrayList<>();
    List<String> lines = new ArrayList<>(DataFile.lines(file));
    lines.add("");
    for (int i = 0; i < lines.size(); i++) {
      String line = lines.get(i);
      if (line.isBlank() || line.equals(BYTE_ORDER_MARK) || line.startsWith("-DOCSTART-")) {
        if (!words.isEmpty()) {
          sentences.add(new TaggedSentence(words, tags));
          words.clear();
          tags.clear();
        }
        continue;
      }
      // A word may hold other spaces, such as a no-break space.
      List<String> cells = Arrays.asList(line.split(line.contains("\t") ? "\t" : " +"));
      if (cells.size() < 2 || cells.getLast().isBlank()) {
        throw new DataException(
            "%s: line %d has no tag; expected a word and its tag".formatted(file, i + 1));
      }
      words.add(cells.getFirst());
      tags.add(cells.getLast().strip());
    }
    Optional<String> language = language(sentences);
    return language.isEmpty()
        ? sentences
        : sentences.stream().map(s -> s.without(language.get().length())).toList();
  }

  private static Optional<String> language(List<TaggedSentence> sentences) {
    if (sentences.isEmpty()) {
      return Optional.empty();
    }
    Matcher first = LANGUAGE.matcher(sentences.getFirst().words().getFirst());
    return first.matches()
            && sentences.stream()
                .flatMap(sentence -> sentence.words().stream())
                .allMatch(word -> word.startsWith(first.group(1)))
        ? Optional.of(first.group(1))
        : Optional.empty();
  }

  private TaggedSentence without(int prefix) {
    return new TaggedSentence(words.stream().map(word -> word.substring(prefix)).toList(), tags);
  }

  /// The words with a space between each two: what a model is given.
  public String text() {
    return String.join(" ", words);
  }

  /// The tag of each word as a model gave it: that of its first token; O for a word without one.
  ///
  /// @param tokens the tokens of [#text], each an entity of its own
  ///   ([dev.coffey.model.task.Aggregation#NONE], no label ignored), in order
  public List<String> tagsOf(List<Entity> tokens) {
    List<String> given = new ArrayList<>(words.size());
    int token = 0;
    int start = 0;
    for (String word : words) {
      int end = start + word.codePointCount(0, word.length());
      while (token < tokens.size() && tokens.get(token).span().start() < start) {
        token++;
      }
      boolean found = token < tokens.size() && tokens.get(token).span().start() < end;
      given.add(found ? tokens.get(token).label() : "O");
      start = end + 1;
    }
    return given;
  }
}
