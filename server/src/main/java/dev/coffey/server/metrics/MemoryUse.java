package dev.coffey.server.metrics;

import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelStatus;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryUsage;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.ToLongFunction;

/// Where the memory of a process that serves models is, at one moment, in bytes. Any thread may
/// ask.
///
/// @param weights of all models that are loaded, packed for the backend; on a GPU in its memory
/// @param workspace of the same models' activations, likewise
/// @param heap that the JVM has taken from the system
/// @param heapUsed of it, by objects that are in use or not yet collected
/// @param code compiled methods
/// @param classes the JVM's metaspace
/// @param directBuffers of `java.nio`, off the heap
/// @param files mapped files' pages in RAM: libraries, the JVM's archives, checkpoints; Linux only
/// @param resident all of the process that is in RAM; Linux only
public record MemoryUse(
    long weights,
    long workspace,
    long heap,
    long heapUsed,
    long code,
    long classes,
    long directBuffers,
    OptionalLong files,
    OptionalLong resident) {

  /// Of this process, with these models.
  public static MemoryUse of(List<ModelStatus> models) {
    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    List<String> status = ProcessMetrics.status();
    return new MemoryUse(
        sum(models, ModelHandle::weightBytes),
        sum(models, ModelHandle::workspaceBytes),
        heap.getCommitted(),
        heap.getUsed(),
        pools("Code"),
        // The compressed class space is a part of it.
        pools("Metaspace"),
        ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
            .filter(pool -> pool.getName().equals("direct"))
            .mapToLong(BufferPoolMXBean::getMemoryUsed)
            .sum(),
        ProcessMetrics.bytes(status, "RssFile:"),
        ProcessMetrics.bytes(status, "VmRSS:"));
  }

  private static long sum(List<ModelStatus> models, ToLongFunction<ModelHandle> bytes) {
    return models.stream().flatMap(model -> model.handle().stream()).mapToLong(bytes).sum();
  }

  private static long pools(String prefix) {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getName().startsWith(prefix))
        .map(MemoryPoolMXBean::getUsage)
        .mapToLong(MemoryUsage::getCommitted)
        .sum();
  }
}
