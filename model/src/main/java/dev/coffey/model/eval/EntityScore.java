package dev.coffey.model.eval;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// How many entities were found, as CoNLL's script and seqeval count: an entity is right if its
/// words and its label are. Not for several threads at once.
///
/// Tags are of the IOB2 form. An I- that goes on with nothing begins an entity; a tag without B- or
/// I- is read as I-.
public final class EntityScore {
  private final Map<String, Counts> labels = new TreeMap<>();
  private final Counts all = new Counts();
  private int words;
  private int agreed;

  /// Notes one sentence.
  ///
  /// @param right the right tag of each word
  /// @param given the given one
  /// @throws IllegalArgumentException if they are not equally many
  public void add(List<String> right, List<String> given) {
    if (right.size() != given.size()) {
      throw new IllegalArgumentException(
          "a sentence of %d words with %d tags".formatted(right.size(), given.size()));
    }
    Set<Chunk> wanted = chunks(right);
    Set<Chunk> found = chunks(given);
    for (Chunk chunk : wanted) {
      count(chunk.label(), 1, 0, found.contains(chunk) ? 1 : 0);
    }
    for (Chunk chunk : found) {
      count(chunk.label(), 0, 1, 0);
    }
    words += right.size();
    for (int i = 0; i < right.size(); i++) {
      agreed += right.get(i).equals(given.get(i)) ? 1 : 0;
    }
  }

  /// The share of given entities that are right; 0 if none was given.
  public double precision() {
    return all.precision();
  }

  /// The share of right entities that were given; 0 if there is none.
  public double recall() {
    return all.recall();
  }

  /// The harmonic mean of precision and recall, over all entities together.
  public double f1() {
    return all.f1();
  }

  /// The F1 of each label that is right or given anywhere, by name.
  public Map<String, Double> f1ByLabel() {
    Map<String, Double> scores = new TreeMap<>();
    labels.forEach((label, counts) -> scores.put(label, counts.f1()));
    return scores;
  }

  /// The share of words whose tag is right; NaN of none.
  public double wordAccuracy() {
    return agreed / (double) words;
  }

  private void count(String label, int right, int given, int both) {
    for (Counts counts : List.of(all, labels.computeIfAbsent(label, _ -> new Counts()))) {
      counts.right += right;
      counts.given += given;
      counts.both += both;
    }
  }

  private static Set<Chunk> chunks(List<String> tags) {
    List<Chunk> chunks = new ArrayList<>();
    for (int i = 0; i < tags.size(); i++) {
      String tag = tags.get(i);
      if (tag.equals("O")) {
        continue;
      }
      boolean marked = tag.startsWith("B-") || tag.startsWith("I-");
      String label = marked ? tag.substring(2) : tag;
      boolean goesOn =
          !tag.startsWith("B-")
              && !chunks.isEmpty()
              && chunks.getLast().end() == i
              && chunks.getLast().label().equals(label);
      if (goesOn) {
        chunks.set(chunks.size() - 1, new Chunk(label, chunks.getLast().start(), i + 1));
      } else {
        chunks.add(new Chunk(label, i, i + 1));
      }
    }
    return new HashSet<>(chunks);
  }

  /// The words of an entity, `end` exclusive.
  private record Chunk(String label, int start, int end) {}

  private static final class Counts {
    private int right;
    private int given;
    private int both;

    double precision() {
      return given == 0 ? 0 : both / (double) given;
    }

    double recall() {
      return right == 0 ? 0 : both / (double) right;
    }

    double f1() {
      return right + given == 0 ? 0 : 2.0 * both / (right + given);
    }
  }
}
