package dev.coffey.server.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;

/// Texts as token ids, in the batches in which a model gets them.
///
/// @param name for a person: `8 x 128`
/// @param batches each a list of texts, which may differ in length
public record Workload(String name, List<int[][]> batches) {
  private static final int CLS = 101;
  private static final int SEP = 102;

  public Workload {
    batches = List.copyOf(batches);
  }

  /// One batch of `texts` texts of `tokens` tokens each.
  public static Workload equal(int texts, int tokens, int vocabulary) {
    SplittableRandom random = new SplittableRandom(texts * 1000L + tokens);
    int[][] batch = new int[texts][];
    for (int t = 0; t < texts; t++) {
      batch[t] = text(tokens, vocabulary, random);
    }
    return new Workload(texts + " x " + tokens, List.<int[][]>of(batch));
  }

  /// `texts` texts of a mix in the order in which they came, in batches of `size`.
  public static Workload mixed(LengthMix mix, int texts, int size, int vocabulary, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    List<int[]> all = new ArrayList<>();
    for (int t = 0; t < texts; t++) {
      all.add(text(mix.next(random), vocabulary, random));
    }
    return new Workload(mix.label() + " in batches of " + size, cut(all, size));
  }

  /// The same texts, the shortest first, in batches of `size`.
  public Workload sorted(int size) {
    List<int[]> all = new ArrayList<>(batches.stream().flatMap(Arrays::stream).toList());
    all.sort(Comparator.comparingInt(text -> text.length));
    return new Workload(name + ", sorted", cut(all, size));
  }

  /// A text of random words between `[CLS]` and `[SEP]` as BERT's vocabulary numbers them.
  public static int[] text(int tokens, int vocabulary, SplittableRandom random) {
    // The first thousand ids of BERT's vocabulary are specials and placeholders.
    int from = Math.min(1000, vocabulary / 2);
    int[] ids = random.ints(tokens, from, vocabulary).toArray();
    if (vocabulary > SEP) {
      ids[0] = CLS;
      ids[tokens - 1] = SEP;
    }
    return ids;
  }

  private static List<int[][]> cut(List<int[]> all, int size) {
    List<int[][]> batches = new ArrayList<>();
    for (int from = 0; from < all.size(); from += size) {
      batches.add(all.subList(from, Math.min(from + size, all.size())).toArray(int[][]::new));
    }
    return batches;
  }

  /// How many texts there are.
  public int texts() {
    return batches.stream().mapToInt(batch -> batch.length).sum();
  }

  /// How many tokens there are, without padding.
  public int tokens() {
    return batches.stream().flatMap(Arrays::stream).mapToInt(text -> text.length).sum();
  }
}
