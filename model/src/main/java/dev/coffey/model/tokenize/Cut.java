package dev.coffey.model.tokenize;

import java.util.Arrays;

/// Which tokens of a text that is too long stay: Hugging Face's `longest_first`, `only_first` and
/// `only_second`, on the tokens after the specials were added.
final class Cut {
  private Cut() {}

  /// The places that stay, in order.
  ///
  /// @param sequences of each token, 0 or 1 as it comes from the first or the second text, -1 for
  ///   an added special
  /// @param maxTokens fewer than there are
  /// @throws IllegalArgumentException if not even the specials fit, or the text that alone may be
  ///   cut would be gone
  static int[] kept(long[] sequences, Truncation truncation, PairCut pairCut, int maxTokens) {
    int[] lengths = new int[2];
    for (long sequence : sequences) {
      if (sequence >= 0) {
        lengths[(int) sequence]++;
      }
    }
    int room = maxTokens - (sequences.length - lengths[0] - lengths[1]);
    if (room < 0) {
      throw new IllegalArgumentException(
          "a limit of %d tokens leaves no room for the %d special tokens"
              .formatted(maxTokens, maxTokens - room));
    }
    int[] keep =
        switch (pairCut) {
          case LONGEST_FIRST -> longestFirst(lengths[0], lengths[1], room);
          case ONLY_FIRST -> new int[] {rest(room, lengths[1], maxTokens), lengths[1]};
          case ONLY_SECOND -> new int[] {lengths[0], rest(room, lengths[0], maxTokens)};
        };
    int[] skip =
        switch (truncation) {
          case NONE -> throw new IllegalArgumentException("nothing to cut");
          case RIGHT -> new int[2];
          case LEFT -> new int[] {lengths[0] - keep[0], lengths[1] - keep[1]};
        };
    int[] seen = new int[2];
    int[] kept = new int[maxTokens];
    int count = 0;
    for (int i = 0; i < sequences.length; i++) {
      int sequence = (int) sequences[i];
      if (sequence < 0) {
        kept[count++] = i;
      } else {
        int place = seen[sequence]++ - skip[sequence];
        if (place >= 0 && place < keep[sequence]) {
          kept[count++] = i;
        }
      }
    }
    return Arrays.copyOf(kept, count);
  }

  /// What is left for the one text if the other, of `whole` tokens, is not cut.
  private static int rest(int room, int whole, int maxTokens) {
    if (whole >= room) {
      throw new IllegalArgumentException(
          "the text that is kept whole has %d tokens and leaves none of %d to the other: shorten it"
              .formatted(whole, maxTokens));
    }
    return room - whole;
  }

  /// How many tokens of each text stay. The longer one gives first; once both are as long, they
  /// share the room, and an odd token goes to the longer (to the second, if both were equal).
  private static int[] longestFirst(int first, int second, int room) {
    boolean swapped = first > second;
    int shorter = Math.min(first, second);
    int longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
    if (shorter + longer > room) {
      shorter = room / 2;
      longer = shorter + room % 2;
    }
    return swapped ? new int[] {longer, shorter} : new int[] {shorter, longer};
  }
}
