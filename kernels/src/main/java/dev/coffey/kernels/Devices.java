package dev.coffey.kernels;

import java.util.HashSet;
import java.util.List;
import java.util.stream.IntStream;

/// Which of a backend's devices a user asks for.
///
/// @param ordinals counted from 0, each once; none: all that there are
public record Devices(List<Integer> ordinals) {
  /// All that there are.
  public static final Devices ALL = new Devices(List.of());

  public Devices {
    ordinals = List.copyOf(ordinals);
    if (new HashSet<>(ordinals).size() < ordinals.size()) {
      throw new IllegalArgumentException("devices: one is named twice: " + ordinals);
    }
  }

  /// Just one.
  public static Devices of(int ordinal) {
    return new Devices(List.of(ordinal));
  }

  /// The ordinals, where there are `count` devices.
  List<Integer> among(int count) {
    return ordinals.isEmpty() ? IntStream.range(0, count).boxed().toList() : ordinals;
  }
}
