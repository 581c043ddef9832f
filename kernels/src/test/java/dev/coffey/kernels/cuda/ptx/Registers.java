package dev.coffey.kernels.cuda.ptx;

import dev.coffey.kernels.cuda.ptx.Operand.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Gives a kernel's registers, constants and special registers their places in the register files.
/// A place is the index of lane 0; the other lanes follow.
final class Registers {
  static final int LANES = 32;

  /// What a register holds that was not written yet: not a number, and an address of nothing.
  private static final int UNWRITTEN = 0x7FCBADAD;

  private int words;
  private int longs;
  private int predicates;
  private final Map<Integer, Integer> wordConstants = new HashMap<>();
  private final Map<Long, Integer> longConstants = new HashMap<>();
  private final Map<String, Integer> specials = new HashMap<>();

  /// A new register's number: its place, or for a predicate its index.
  int next(File file) {
    return switch (file) {
      case PREDICATE -> predicates++;
      case WORD -> words++ * LANES;
      case LONG -> longs++ * LANES;
    };
  }

  int constant(int bits) {
    return wordConstants.computeIfAbsent(bits, _ -> next(File.WORD));
  }

  int constant(long bits) {
    return longConstants.computeIfAbsent(bits, _ -> next(File.LONG));
  }

  int special(String name) {
    return specials.computeIfAbsent(name, _ -> next(File.WORD));
  }

  int predicates() {
    return predicates;
  }

  int[] words() {
    int[] image = new int[words * LANES];
    Arrays.fill(image, UNWRITTEN);
    wordConstants.forEach((bits, at) -> Arrays.fill(image, at, at + LANES, bits));
    return image;
  }

  long[] longs() {
    long[] image = new long[longs * LANES];
    Arrays.fill(image, (long) UNWRITTEN << Integer.SIZE);
    longConstants.forEach((bits, at) -> Arrays.fill(image, at, at + LANES, bits));
    return image;
  }

  List<Kernel.Special> specials() {
    List<Kernel.Special> all = new ArrayList<>();
    specials.forEach((name, at) -> all.add(new Kernel.Special(name, at)));
    return all;
  }
}
