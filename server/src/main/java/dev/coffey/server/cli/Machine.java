package dev.coffey.server.cli;

import dev.coffey.kernels.cpu.CpuFeatures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/// The hardware, as far as it matters here and the system tells. What is not known is empty.
///
/// @param processors that the process may use
/// @param memoryBytes of the machine
/// @param cgroupCpus processors' worth of time that the control group allows
/// @param cgroupBytes memory that the control group allows
record Machine(
    String system,
    CpuFeatures cpu,
    int processors,
    OptionalLong memoryBytes,
    OptionalDouble cgroupCpus,
    OptionalLong cgroupBytes,
    String java) {

  /// Reads `/proc` and `/sys` below `root`.
  static Machine read(Path root, int processors) {
    return new Machine(
        "%s %s %s"
            .formatted(
                System.getProperty("os.name"),
                System.getProperty("os.version"),
                System.getProperty("os.arch")),
        CpuFeatures.parse(text(root.resolve("proc/cpuinfo")).orElse("")),
        processors,
        text(root.resolve("proc/meminfo")).map(Machine::totalMemory).orElse(OptionalLong.empty()),
        text(root.resolve("sys/fs/cgroup/cpu.max"))
            .map(Machine::quota)
            .orElse(OptionalDouble.empty()),
        text(root.resolve("sys/fs/cgroup/memory.max"))
            .map(Machine::limit)
            .orElse(OptionalLong.empty()),
        "%s %s (%s)"
            .formatted(
                System.getProperty("java.vm.name"),
                Runtime.version(),
                System.getProperty("java.vendor")));
  }

  private static Optional<String> text(Path file) {
    try {
      return Optional.of(Files.readString(file));
    } catch (IOException _) {
      // Another system, or one that hides it.
      return Optional.empty();
    }
  }

  private static OptionalLong totalMemory(String meminfo) {
    return meminfo
        .lines()
        .filter(line -> line.matches("MemTotal:\\s+[0-9]+ kB"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
        .findFirst();
  }

  /// `max 100000`, or microseconds allowed of a period: `150000 100000`.
  private static OptionalDouble quota(String text) {
    String[] parts = text.strip().split(" ");
    return parts.length == 2 && parts[0].matches("[0-9]+") && parts[1].matches("[1-9][0-9]*")
        ? OptionalDouble.of(Double.parseDouble(parts[0]) / Double.parseDouble(parts[1]))
        : OptionalDouble.empty();
  }

  private static OptionalLong limit(String text) {
    String number = text.strip();
    return number.matches("[0-9]{1,18}")
        ? OptionalLong.of(Long.parseLong(number))
        : OptionalLong.empty();
  }
}
