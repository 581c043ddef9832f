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

/// What the operating system counts for this process.
final class ProcessMetrics {
  private static final Path STATUS = Path.of("/proc/self/status");

  private ProcessMetrics() {}

  static void register(PrometheusRegistry registry) {
    if (Files.isReadable(STATUS)) {
      GaugeWithCallback.builder()
          .name("process_resident_memory_bytes")
          .help("Memory of the process that is in RAM.")
          .callback(callback -> callback.call(residentBytes(read())))
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

  private static List<String> read() {
    try {
      return Files.readAllLines(STATUS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// @param status such as `VmRSS: 123456 kB`
  static double residentBytes(List<String> status) {
    for (String line : status) {
      if (line.startsWith("VmRSS:")) {
        String kibibytes = line.substring("VmRSS:".length()).replace("kB", "").strip();
        return Long.parseLong(kibibytes) * 1024.0;
      }
    }
    return Double.NaN;
  }
}
