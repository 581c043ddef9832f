package dev.coffey.model.tokenize;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Overlapping windows over the tokens of a text that is too long, as the tokenizers library makes
/// them of `return_overflowing_tokens`: the windows begin at equal distances, the last one ends
/// with the text and may be shorter, and each has the special tokens and the other text of a pair.
final class Windows {
  private Windows() {}

  /// The places of each window's tokens, in order.
  ///
  /// @param sequences of each token, 0 or 1 as it comes from the first or the second text, -1 for
  ///   an added special
  /// @param maxTokens fewer than there are
  /// @throws IllegalArgumentException if the special tokens, the other text and the overlap leave
  ///   no room
  static List<int[]> of(long[] sequences, PairCut which, Overlap overlap, int maxTokens) {
    int moving = moving(sequences, which);
    int length = count(sequences, moving);
    int fixed = sequences.length - length;
    int room = maxTokens - fixed;
    if (room < 1) {
      throw new IllegalArgumentException(
          "the special tokens and the text that is kept whole take %d of %d tokens and leave no room for a window: shorten that text"
              .formatted(fixed, maxTokens));
    }
    int step = room - overlap.within(room);
    List<int[]> windows = new ArrayList<>();
    for (int start = 0; ; start += step) {
      int end = Math.min(start + room, length);
      windows.add(window(sequences, moving, start, end));
      if (end == length) {
        return windows;
      }
    }
  }

  private static int moving(long[] sequences, PairCut which) {
    int second = count(sequences, 1);
    return switch (which) {
      case ONLY_FIRST -> 0;
      case ONLY_SECOND -> 1;
      case LONGEST_FIRST -> second > 0 && second >= count(sequences, 0) ? 1 : 0;
    };
  }

  private static int[] window(long[] sequences, int moving, int start, int end) {
    int[] places = new int[sequences.length];
    int count = 0;
    int seen = 0;
    for (int i = 0; i < sequences.length; i++) {
      if (sequences[i] != moving) {
        places[count++] = i;
      } else {
        if (seen >= start && seen < end) {
          places[count++] = i;
        }
        seen++;
      }
    }
    return Arrays.copyOf(places, count);
  }

  private static int count(long[] sequences, int sequence) {
    return (int) Arrays.stream(sequences).filter(s -> s == sequence).count();
  }
}
