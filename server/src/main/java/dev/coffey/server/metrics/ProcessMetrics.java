package dev.coffey.server.metrics;

import com.sun.management.OperatingSystemMXBean;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/// What the operating system counts for this process.
final class ProcessMetrics {
  private static final Path STATUS = Path.of("/proc/self/status");

  private ProcessMetrics() {}

  static void register(PrometheusRegistry registry) {
    if (Files.isReadable(STATUS)) {
      GaugeWithCallback.builder()
          .name("process_resident_memory_bytes")
          .help("Memory of the process that is in RAM.")
          .callback(callback ->
              bytes(status(), "VmRSS:").ifPresent(bytes -> callback.call((double) bytes)))
          .register(registry);
    }
    if (ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system) {
      CounterWithCallback.builder()
          .name("process_cpu_seconds_total")
          .help("CPU time of all threads.")
          .callback(callback -> callback.call(system.getProcessCpuTime() / 1e9))
          .register(registry);
    }
  }

  /// Lines such as `VmRSS: 123456 kB`; none where the system has no such file.
  static List<String> status() {
    if (!Files.isReadable(STATUS)) {
      return List.of();
    }
    try {
      return Files.readAllLines(STATUS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// What the line that begins with `field` says.
  static OptionalLong bytes(List<String> status, String field) {
    return status.stream()
        .filter(line -> line.startsWith(field))
        .map(line -> line.substring(field.length()).replace("kB", "").strip())
        .mapToLong(kibibytes -> Long.parseLong(kibibytes) * 1024)
        .findFirst();
  }
}
