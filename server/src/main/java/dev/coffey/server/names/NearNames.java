package dev.coffey.server.names;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// Names that someone may have meant who wrote another.
public final class NearNames {
  private static final int MOST = 3;

  private NearNames() {}

  /// At most three of `names`, nearest first: those that hold `wrong` or are held by it, or are a
  /// few edits away.
  public static List<String> of(String wrong, Collection<String> names) {
    String lower = wrong.toLowerCase(Locale.ROOT);
    // Two edits catch a swap or a wrong separator; longer names may have a few more.
    int reach = Math.max(2, wrong.length() / 3);
    record Near(String name, int distance) {}
    return names.stream()
        .map(name -> {
          String candidate = name.toLowerCase(Locale.ROOT);
          boolean part =
              !lower.isEmpty() && (candidate.contains(lower) || lower.contains(candidate));
          return new Near(name, part ? 1 : distance(lower, candidate));
        })
        .filter(near -> near.distance() <= reach)
        .sorted(Comparator.comparingInt(Near::distance).thenComparing(Near::name))
        .limit(MOST)
        .map(Near::name)
        .toList();
  }

  /// Levenshtein's distance. Names of users are cut to 200 characters, so that a long one costs
  /// nothing.
  static int distance(String left, String right) {
    String a = left.substring(0, Math.min(200, left.length()));
    String b = right.substring(0, Math.min(200, right.length()));
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}
