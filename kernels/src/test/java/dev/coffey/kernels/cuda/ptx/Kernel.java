package dev.coffey.kernels.cuda.ptx;

import java.util.List;

/// A kernel, ready to be run.
public final class Kernel {
  /// `name` is to be found in the 32-bit register that begins at `at`.
  record Special(String name, int at) {}

  private final String name;
  private final int parameterBytes;

  /// Lanes' first values: of constants what they are, of others a pattern that shows in a result.
  final int[] words;

  final long[] longs;
  final int predicates;
  final List<Special> specials;
  final Instruction[] code;
  final byte[] constants;

  /// The end of the static shared memory, where the dynamic one begins.
  final int sharedBytes;

  /// Of each thread.
  final int localBytes;

  /// The most threads of a CTA that it was compiled for.
  final int maxThreads;

  Kernel(
      String name,
      int parameterBytes,
      Instruction[] code,
      Registers registers,
      byte[] constants,
      int sharedBytes,
      int localBytes,
      int maxThreads) {
    this.name = name;
    this.parameterBytes = parameterBytes;
    this.code = code;
    this.constants = constants;
    this.words = registers.words();
    this.longs = registers.longs();
    this.predicates = registers.predicates();
    this.specials = registers.specials();
    this.sharedBytes = sharedBytes;
    this.localBytes = localBytes;
    this.maxThreads = maxThreads;
  }

  public String name() {
    return name;
  }

  /// The size of the parameters' space.
  public int parameterBytes() {
    return parameterBytes;
  }
}
