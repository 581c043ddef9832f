package dev.coffey.server.metrics;

import dev.coffey.server.batch.BatchListener;
import dev.coffey.server.batch.BatchResult;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.batch.QueueStats;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelState;
import dev.coffey.server.registry.ModelStatus;
import dev.coffey.server.registry.RegistryListener;
import io.prometheus.metrics.core.metrics.Counter;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.Gauge;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.model.snapshots.Unit;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.util.List;
import java.util.function.ToDoubleFunction;

/// The server's metrics. `model` is the model's name, with `/version` where its folder has numbered
/// versions.
///
/// | name | labels | |
/// |---|---|---|
/// | `coffey_requests_total` | `method`, `status` | calls that ended, by full method name and gRPC status |
/// | `coffey_requests_in_flight` | | calls that have not ended |
/// | `coffey_request_seconds` | `method` | histogram: from the call's start to its end |
/// | `coffey_tokenize_seconds` | `model` | histogram, a request: from text to token ids |
/// | `coffey_queue_seconds` | `model` | histogram, a request: from submission to the start of its first batch |
/// | `coffey_compute_seconds` | `model` | histogram, a batch: the forward pass |
/// | `coffey_batch_tokens`, `coffey_batch_texts` | `model` | histograms, a batch |
/// | `coffey_queue_tokens`, `coffey_queue_texts`, `coffey_queue_requests` | `model` | what waits now |
/// | `coffey_open_requests` | `model` | requests admitted and not yet ended |
/// | `coffey_refused_total` | `model`, `cause` | requests refused at admission: `queue_full`, `deadline_unreachable`, `deadline_passed`, `unavailable`, `invalid` |
/// | `coffey_refusal_seconds` | | histogram: calls that ended with RESOURCE_EXHAUSTED, from their headers read to their status written |
/// | `coffey_shed_total` | `cause` | calls refused before their model was looked up: `in_flight`, `draining` |
/// | `coffey_dropped_total` | `model`, `cause` | requests that were admitted but not answered: `expired`, `cancelled`, `faulted`, `abandoned` |
/// | `coffey_device_seconds_total` | `model` | time that the device computed |
/// | `coffey_device_expired_seconds_total` | `model` | the share of it spent on requests that had expired or been cancelled when their batch started |
/// | `coffey_device_unanswered_seconds_total` | `model` | the share of it spent on requests that ended without a result |
/// | `coffey_device_up` | `device` | 1 while the device can be used, 0 once it is lost |
/// | `coffey_model_warm` | `model` | 1 where it computes at full speed, 0 before (`warm-up.ready-when = loaded`) |
/// | `coffey_models` | `state` | models by state: `loading`, `ready`, `unloading`, `failed` |
/// | `coffey_memory_bytes` | `part` | where memory is: `weights` and `workspace` (activations; both on a GPU in its memory), `heap`, `code`, `classes`, `direct_buffers` |
/// | `coffey_jvm_heap_used_bytes`, `coffey_jvm_heap_max_bytes`, `coffey_jvm_threads`, `coffey_jvm_gc_seconds_total`, `coffey_jvm_allocated_bytes_total` | | the JVM |
/// | `process_resident_memory_bytes`, `process_cpu_seconds_total` | | the process, as Prometheus' own clients name it; the first on Linux only |
public final class ServerMetrics implements BatchListener, RegistryListener {
  /// From 50 µs, a short text on a small model, to about 30 s.
  private static final double[] SECONDS = {
    50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1, 2.5,
    5, 10, 30
  };

  private static final double[] TOKENS = powersOfTwo(14);
  private static final double[] TEXTS = powersOfTwo(10);
  private static final double NANOS = 1e-9;

  private final PrometheusRegistry registry;
  private final Counter requests;
  private final Gauge inFlight;
  private final Histogram requestSeconds;
  private final Histogram refusalSeconds;
  private final Counter shed;
  private final Histogram tokenizeSeconds;
  private final Histogram queueSeconds;
  private final Histogram computeSeconds;
  private final Histogram batchTokens;
  private final Histogram batchTexts;
  private final Gauge deviceUp;
  private volatile List<ModelStatus> models = List.of();

  /// Metrics of their own, so that two servers in one process do not share them.
  ///
  /// @param devices that compute
  public ServerMetrics(int devices) {
    registry = new PrometheusRegistry();
    requests =
        Counter.builder()
            .name("coffey_requests_total")
            .help("Calls that ended, by method and gRPC status.")
            .labelNames("method", "status")
            .register(registry);
    inFlight =
        Gauge.builder()
            .name("coffey_requests_in_flight")
            .help("Calls that have not ended.")
            .register(registry);
    requestSeconds =
        histogram("coffey_request_seconds", "From a call's start to its end.", SECONDS, "method");
    refusalSeconds =
        Histogram.builder()
            .name("coffey_refusal_seconds")
            .help("From a call's headers read to RESOURCE_EXHAUSTED written.")
            .classicOnly()
            .classicUpperBounds(SECONDS)
            .register(registry);
    shed =
        Counter.builder()
            .name("coffey_shed_total")
            .help("Calls refused before their model was looked up, by cause.")
            .labelNames("cause")
            .register(registry);
    tokenizeSeconds =
        histogram(
            "coffey_tokenize_seconds", "From text to token ids, by request.", SECONDS, "model");
    queueSeconds =
        histogram(
            "coffey_queue_seconds",
            "From submission to the start of the first batch, by request.",
            SECONDS,
            "model");
    computeSeconds =
        histogram("coffey_compute_seconds", "The forward pass, by batch.", SECONDS, "model");
    batchTokens = histogram("coffey_batch_tokens", "Tokens of a batch.", TOKENS, "model");
    batchTexts = histogram("coffey_batch_texts", "Texts of a batch.", TEXTS, "model");
    queueGauge("coffey_queue_tokens", "Tokens that wait.", QueueStats::queuedTokens);
    queueGauge("coffey_queue_texts", "Texts that wait.", QueueStats::queuedTexts);
    queueGauge("coffey_queue_requests", "Requests that wait.", QueueStats::queuedRequests);
    queueGauge(
        "coffey_open_requests", "Requests admitted and not yet ended.", QueueStats::openRequests);
    deviceCounter(
        "coffey_device_seconds_total",
        "Time that the device computed.",
        QueueStats::computeNanosTotal);
    deviceCounter(
        "coffey_device_expired_seconds_total",
        "Device time spent on requests that had expired or been cancelled when their batch started.",
        QueueStats::computeNanosExpired);
    deviceCounter(
        "coffey_device_unanswered_seconds_total",
        "Device time spent on requests that ended without a result.",
        QueueStats::computeNanosUnanswered);
    deviceUp =
        Gauge.builder()
            .name("coffey_device_up")
            .help("1 while the device can be used, 0 once it is lost.")
            .labelNames("device")
            .register(registry);
    for (int device = 0; device < devices; device++) {
      deviceUp.labelValues(Integer.toString(device)).set(1);
    }
    registerCauses();
    registerModels();
    registerMemory();
    registerJvm();
    ProcessMetrics.register(registry);
  }

  /// Where all of them are, for exposition.
  public PrometheusRegistry registry() {
    return registry;
  }

  /// A call began.
  void callStarted() {
    inFlight.inc();
  }

  /// A call ended.
  void callEnded(String method, String status, long nanos) {
    inFlight.dec();
    requests.labelValues(method, status).inc();
    requestSeconds.labelValues(method).observe(nanos * NANOS);
  }

  /// A call ended with RESOURCE_EXHAUSTED, so long after it came.
  public void refused(long nanos) {
    refusalSeconds.observe(nanos * NANOS);
  }

  /// A call was refused before its model was looked up.
  public void shed(String cause) {
    shed.labelValues(cause).inc();
  }

  /// The texts of a request became token ids.
  public void tokenized(ModelQueue queue, long nanos) {
    tokenizeSeconds.labelValues(queue.name()).observe(nanos * NANOS);
  }

  /// A request got its result.
  public void answered(ModelQueue queue, BatchResult result) {
    queueSeconds.labelValues(queue.name()).observe(result.queueNanos() * NANOS);
  }

  @Override
  public void batchComputed(ModelQueue queue, int tokens, int texts, long computeNanos) {
    computeSeconds.labelValues(queue.name()).observe(computeNanos * NANOS);
    batchTokens.labelValues(queue.name()).observe(tokens);
    batchTexts.labelValues(queue.name()).observe(texts);
  }

  @Override
  public void deviceLost(int device, int left, Throwable cause) {
    deviceUp.labelValues(Integer.toString(device)).set(0);
  }

  @Override
  public void changed(List<ModelStatus> all) {
    models = all;
  }

  private Histogram histogram(String name, String help, double[] bounds, String label) {
    return Histogram.builder()
        .name(name)
        .help(help)
        .labelNames(label)
        .classicOnly()
        .classicUpperBounds(bounds)
        .register(registry);
  }

  private List<ModelQueue> queues() {
    return models.stream()
        .flatMap(status -> status.handle().stream())
        .map(ModelHandle::queue)
        .toList();
  }

  private void queueGauge(String name, String help, ToDoubleFunction<QueueStats> value) {
    GaugeWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames("model")
        .callback(callback ->
            queues()
                .forEach(queue -> callback.call(value.applyAsDouble(queue.stats()), queue.name())))
        .register(registry);
  }

  private void deviceCounter(String name, String help, ToDoubleFunction<QueueStats> nanos) {
    CounterWithCallback.builder()
        .name(name)
        .help(help)
        .labelNames("model")
        .callback(callback ->
            queues()
                .forEach(queue ->
                    callback.call(nanos.applyAsDouble(queue.stats()) * NANOS, queue.name())))
        .register(registry);
  }

  private void registerCauses() {
    CounterWithCallback.builder()
        .name("coffey_refused_total")
        .help("Requests refused at admission, by cause.")
        .labelNames("model", "cause")
        .callback(callback -> {
          for (ModelQueue queue : queues()) {
            QueueStats stats = queue.stats();
            String model = queue.name();
            callback.call((double) stats.refusedQueueFull(), model, "queue_full");
            callback.call(
                (double) stats.refusedDeadlineUnreachable(), model, "deadline_unreachable");
            callback.call((double) stats.refusedDeadlinePassed(), model, "deadline_passed");
            callback.call((double) stats.refusedUnavailable(), model, "unavailable");
            callback.call((double) stats.refusedInvalid(), model, "invalid");
          }
        })
        .register(registry);
    CounterWithCallback.builder()
        .name("coffey_dropped_total")
        .help("Requests that were admitted but not answered, by cause.")
        .labelNames("model", "cause")
        .callback(callback -> {
          for (ModelQueue queue : queues()) {
            QueueStats stats = queue.stats();
            String model = queue.name();
            callback.call((double) stats.expired(), model, "expired");
            callback.call((double) stats.cancelled(), model, "cancelled");
            callback.call((double) stats.faulted(), model, "faulted");
            callback.call((double) stats.abandoned(), model, "abandoned");
          }
        })
        .register(registry);
  }

  private void registerModels() {
    GaugeWithCallback.builder()
        .name("coffey_model_warm")
        .help("Whether a model computes at full speed: 1, or 0 until it is warm.")
        .labelNames("model")
        .callback(callback ->
            models.stream()
                .flatMap(status -> status.handle().stream())
                .forEach(model -> callback.call(model.warm() ? 1 : 0, model.queue().name())))
        .register(registry);
    GaugeWithCallback.builder()
        .name("coffey_models")
        .help("Models by state.")
        .labelNames("state")
        .callback(callback -> {
          for (ModelState state : ModelState.values()) {
            long count = models.stream().filter(model -> model.state() == state).count();
            String label =
                switch (state) {
                  case LOADING -> "loading";
                  case READY -> "ready";
                  case UNLOADING -> "unloading";
                  case FAILED -> "failed";
                };
            callback.call((double) count, label);
          }
        })
        .register(registry);
  }

  private void registerMemory() {
    GaugeWithCallback.builder()
        .name("coffey_memory_bytes")
        .help("Where memory is.")
        .unit(Unit.BYTES)
        .labelNames("part")
        .callback(callback -> {
          MemoryUse use = MemoryUse.of(models);
          callback.call((double) use.weights(), "weights");
          callback.call((double) use.workspace(), "workspace");
          callback.call((double) use.heap(), "heap");
          callback.call((double) use.code(), "code");
          callback.call((double) use.classes(), "classes");
          callback.call((double) use.directBuffers(), "direct_buffers");
        })
        .register(registry);
  }

  private void registerJvm() {
    GaugeWithCallback.builder()
        .name("coffey_jvm_heap_used_bytes")
        .help("Heap in use.")
        .unit(Unit.BYTES)
        .callback(callback -> callback.call((double) heap().getUsed()))
        .register(registry);
    GaugeWithCallback.builder()
        .name("coffey_jvm_heap_max_bytes")
        .help("Heap that may be used at most.")
        .unit(Unit.BYTES)
        .callback(callback -> callback.call((double) heap().getMax()))
        .register(registry);
    GaugeWithCallback.builder()
        .name("coffey_jvm_threads")
        .help("Platform threads.")
        .callback(callback -> callback.call(ManagementFactory.getThreadMXBean().getThreadCount()))
        .register(registry);
    if (ManagementFactory.getThreadMXBean() instanceof com.sun.management.ThreadMXBean threads) {
      CounterWithCallback.builder()
          .name("coffey_jvm_allocated_bytes_total")
          .help("Bytes that all threads have allocated on the heap.")
          .callback(callback -> callback.call((double) threads.getTotalThreadAllocatedBytes()))
          .register(registry);
    }
    CounterWithCallback.builder()
        .name("coffey_jvm_gc_seconds_total")
        .help("Time that garbage collectors ran.")
        .callback(callback ->
            callback.call(
                ManagementFactory.getGarbageCollectorMXBeans().stream()
                        .mapToLong(GarbageCollectorMXBean::getCollectionTime)
                        .sum()
                    / 1e3))
        .register(registry);
  }

  private static MemoryUsage heap() {
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
  }

  private static double[] powersOfTwo(int most) {
    double[] bounds = new double[most + 1];
    for (int i = 0; i <= most; i++) {
      bounds[i] = 1 << i;
    }
    return bounds;
  }
}
