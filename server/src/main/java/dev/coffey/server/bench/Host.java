package dev.coffey.server.bench;

import java.util.List;

/// The machine and the JVM that something was measured on.
///
/// @param processor its name
/// @param features instruction sets
/// @param caches of the first processor: `L1 data 32 KiB`
/// @param processors that the process may use
/// @param memoryBytes of the machine; 0 if unknown
/// @param options of the JVM that may matter
public record Host(
    String processor,
    List<String> features,
    List<String> caches,
    int processors,
    long memoryBytes,
    String system,
    String java,
    List<String> options) {}
