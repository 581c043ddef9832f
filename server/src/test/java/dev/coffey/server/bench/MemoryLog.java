package dev.coffey.server.bench;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Reads a server's memory every ten seconds from its metrics, and prints at the end what it was in
/// each third of the time: flat memory is the same in the last two.
final class MemoryLog implements AutoCloseable {
  private static final int EVERY_MILLIS = 10_000;

  /// MiB at one moment.
  private record Sample(double resident, double heap) {}

  private final URI metrics;
  private final List<Sample> samples = new ArrayList<>();
  private final Thread thread;

  private MemoryLog(URI metrics) {
    this.metrics = metrics;
    thread = Thread.ofPlatform().daemon().unstarted(this::run);
  }

  static MemoryLog start(URI metrics) {
    MemoryLog log = new MemoryLog(metrics);
    log.thread.start();
    return log;
  }

  private void run() {
    try {
      while (true) {
        MetricsReading now = MetricsReading.read(metrics);
        samples.add(
            new Sample(
                now.value("process_resident_memory_bytes") / (1 << 20),
                now.value("coffey_jvm_heap_used_bytes") / (1 << 20)));
        Thread.sleep(EVERY_MILLIS);
      }
    } catch (InterruptedException _) {
      // The end.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    int third = Math.ceilDiv(samples.size(), 3);
    for (int from = 0; from < samples.size(); from += third) {
      List<Sample> part = samples.subList(from, Math.min(from + third, samples.size()));
      System.out.printf(
          Locale.ROOT,
          "server, from %3d s on: resident %.0f to %.0f MiB, heap in use %.0f to %.0f MiB%n",
          from * EVERY_MILLIS / 1000,
          part.stream().mapToDouble(Sample::resident).min().orElseThrow(),
          part.stream().mapToDouble(Sample::resident).max().orElseThrow(),
          part.stream().mapToDouble(Sample::heap).min().orElseThrow(),
          part.stream().mapToDouble(Sample::heap).max().orElseThrow());
    }
  }
}
