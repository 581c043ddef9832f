package dev.coffey.server.bench;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// How fast the operations are, and the most that the processor does, measured between them.
///
/// @param backend what ran with all threads
/// @param limits with one thread and with all
/// @param rows an operation each
public record KernelSpeeds(String backend, List<Limits> limits, List<Row> rows) {
  /// The most that so many threads do.
  ///
  /// @param gigaflops fused multiply-adds in registers, an addition and a multiplication each
  /// @param gigabytes read from memory a second
  public record Limits(int threads, double gigaflops, double gigabytes) {}

  /// One operation of one size.
  ///
  /// @param shape for a person: `768 to 3072`
  /// @param weights `hot`: in the caches as far as they hold them; `cold`: from memory; null where
  ///   there are none
  /// @param gigaflops null where nothing but numbers are moved or functions computed
  /// @param gigabytes weights read a second, null where they are hot
  /// @param share of what the limits allow, by arithmetic or, with cold weights, by reading them
  ///   where that takes longer; null where there is no such limit
  public record Row(
      String operation,
      String shape,
      int tokens,
      int threads,
      @Nullable String weights,
      Spread microseconds,
      @Nullable Spread gigaflops,
      @Nullable Spread gigabytes,
      @Nullable Spread share) {}
}
