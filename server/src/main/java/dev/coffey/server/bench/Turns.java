package dev.coffey.server.bench;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import org.jspecify.annotations.Nullable;

/// Measures several ways to do a piece of work in turns, so that what else the machine does meets
/// all alike: in each round every one works back to back for a slice of time, and each round starts
/// with another one.
///
/// @param rounds how many
/// @param slice how long each works in a round, at least once
/// @param warmUp how long each works before the first round
public record Turns(int rounds, Duration slice, Duration warmUp) {
  /// Threads that spin for a while after their work must not cost the next one anything.
  private static final long PAUSE_MILLIS = 30;

  public Turns {
    if (rounds < 1 || rounds > 1000) {
      throw new IllegalArgumentException("rounds must be between 1 and 1000, got " + rounds);
    }
  }

  /// One way to do the work.
  ///
  /// @param texts that the work once done is
  /// @param seconds does it as often as asked, and tells how long it took
  public record Entry(String name, int texts, int tokens, IntToDoubleFunction seconds) {}

  /// How fast one of them was.
  ///
  /// @param milliseconds for the work once
  /// @param ratio the first entry's texts a second by this one's, round by round; null for the
  ///   first
  public record Result(
      String name,
      Spread milliseconds,
      Spread textsPerSecond,
      Spread tokensPerSecond,
      @Nullable Spread ratio) {}

  /// Measures all entries; their results come in the same order.
  public List<Result> run(List<Entry> entries) throws InterruptedException {
    int[] times = new int[entries.size()];
    for (int i = 0; i < times.length; i++) {
      times[i] = warmUp(entries.get(i).seconds());
    }
    double[][] seconds = new double[times.length][rounds];
    for (int round = 0; round < rounds; round++) {
      for (int turn = 0; turn < times.length; turn++) {
        int i = (turn + round) % times.length;
        IntToDoubleFunction work = entries.get(i).seconds();
        Thread.sleep(PAUSE_MILLIS);
        if (times[i] > 1) {
          // Brings weights into the caches and threads out of their sleep.
          var _ = work.applyAsDouble(1);
        }
        seconds[i][round] = work.applyAsDouble(times[i]) / times[i];
      }
    }
    List<Result> results = new ArrayList<>();
    for (int i = 0; i < times.length; i++) {
      results.add(result(entries.getFirst(), seconds[0], entries.get(i), seconds[i], i == 0));
    }
    return results;
  }

  /// @return how often the work fits into a slice
  private int warmUp(IntToDoubleFunction work) {
    double last = work.applyAsDouble(1);
    for (double left = warmUp.toNanos() / 1e9 - last; left > 0; left -= last) {
      last = work.applyAsDouble(1);
    }
    return (int) Math.clamp(Math.ceil(slice.toNanos() / 1e9 / Math.max(last, 1e-9)), 1, 1_000_000);
  }

  private Result result(Entry first, double[] its, Entry entry, double[] own, boolean isFirst) {
    double[] texts = new double[rounds];
    double[] tokens = new double[rounds];
    double[] millis = new double[rounds];
    double[] ratios = new double[rounds];
    for (int r = 0; r < rounds; r++) {
      millis[r] = own[r] * 1e3;
      texts[r] = entry.texts() / own[r];
      tokens[r] = entry.tokens() / own[r];
      ratios[r] = first.texts() / its[r] / texts[r];
    }
    return new Result(
        entry.name(),
        Spread.of(millis),
        Spread.of(texts),
        Spread.of(tokens),
        isFirst ? null : Spread.of(ratios));
  }
}
