package dev.coffey.server.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// How much of the machine others had while something was measured, as shares of all its
/// processors' time.
///
/// @param others spent by processes that are not this one or its children; null where one of those
///   is what was measured
/// @param stolen taken by the host of a virtual machine
public record Noise(@Nullable Double others, double stolen) {
  /// Of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal.
  private static final int FIELDS = 8;

  private static final int IDLE = 3;
  private static final int IO_WAIT = 4;
  private static final int STEAL = 7;

  /// `/proc/stat` counts in hundredths of a second on every Linux that Java runs on.
  private static final double TICK = 0.01;

  /// The same, where a process of somebody else's was measured.
  public Noise withoutOthers() {
    return new Noise(null, stolen);
  }

  /// Counts from its making.
  public static final class Meter {
    private final Path stat;
    private final Optional<long[]> before;
    private final double ownBefore;

    private Meter(Path stat) {
      this.stat = stat;
      this.before = read(stat);
      this.ownBefore = ownSeconds();
    }

    /// What was since then; empty where the system does not tell.
    public Optional<Noise> stop() {
      Optional<long[]> after = read(stat);
      if (before.isEmpty() || after.isEmpty()) {
        return Optional.empty();
      }
      return Optional.of(noise(before.get(), after.get(), ownSeconds() - ownBefore));
    }
  }

  /// Begins to count, by `/proc/stat` below `root`.
  public static Meter start(Path root) {
    return new Meter(root.resolve("proc/stat"));
  }

  static Noise noise(long[] before, long[] after, double ownSeconds) {
    long[] ticks = new long[FIELDS];
    Arrays.setAll(ticks, i -> after[i] - before[i]);
    double all = Math.max(1, Arrays.stream(ticks).sum());
    double busy = all - ticks[IDLE] - ticks[IO_WAIT] - ticks[STEAL];
    return new Noise(Math.max(0, busy - ownSeconds / TICK) / all, ticks[STEAL] / all);
  }

  private static Optional<long[]> read(Path stat) {
    try (Stream<String> lines = Files.lines(stat)) {
      return lines
          .findFirst()
          .map(line -> line.split(" +"))
          .filter(fields -> fields.length > FIELDS && fields[0].equals("cpu"))
          .map(fields ->
              Arrays.stream(fields).skip(1).limit(FIELDS).mapToLong(Long::parseLong).toArray());
    } catch (IOException _) {
      return Optional.empty();
    }
  }

  private static double ownSeconds() {
    ProcessHandle self = ProcessHandle.current();
    return Stream.concat(Stream.of(self), self.descendants())
            .map(process -> process.info().totalCpuDuration().orElse(Duration.ZERO))
            .mapToLong(Duration::toNanos)
            .sum()
        / 1e9;
  }
}
