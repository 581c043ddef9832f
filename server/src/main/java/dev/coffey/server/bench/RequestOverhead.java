package dev.coffey.server.bench;

import com.google.protobuf.Duration;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.ServerLiveRequest;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.Timing;
import io.grpc.Channel;
import java.net.URI;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a request costs besides tokenizing and compute: one client sends one sentence at a time, in
/// turns with an empty RPC on the same connection, and takes the server's own times off what it
/// saw. Medians, in microseconds.
///
/// @param outside tokenizing and compute
/// @param beyondEmpty `outside` less `empty`
/// @param allocatedBytes by the server for a request and an empty RPC together; null where its
///   metrics were not given
public record RequestOverhead(
    int requests,
    double request,
    double tokenize,
    double queue,
    double compute,
    double outside,
    double empty,
    double beyondEmpty,
    @Nullable Double allocatedBytes) {
  private static final String TEXT = "a warm , funny film that earns every one of its tears .";

  /// Measures a server that speaks `coffey.v1`, after as many requests to warm up.
  static RequestOverhead measure(
      Channel channel, String model, int requests, Optional<URI> metrics) {
    var _ = measureOnce(channel, model, requests, Optional.empty());
    return measureOnce(channel, model, requests, metrics);
  }

  private static RequestOverhead measureOnce(
      Channel channel, String model, int requests, Optional<URI> metrics) {
    var classify = InferenceServiceGrpc.newBlockingStub(channel);
    var live = GRPCInferenceServiceGrpc.newBlockingStub(channel);
    ClassifyRequest request =
        ClassifyRequest.newBuilder()
            .setModel(model)
            .addInputs(Input.newBuilder().setText(TEXT))
            .build();
    Optional<MetricsReading> before = metrics.map(MetricsReading::read);
    long[] total = new long[requests];
    long[] outside = new long[requests];
    long[] tokenize = new long[requests];
    long[] queue = new long[requests];
    long[] compute = new long[requests];
    long[] empty = new long[requests];
    for (int i = 0; i < requests; i++) {
      long start = System.nanoTime();
      var _ = live.serverLive(ServerLiveRequest.getDefaultInstance());
      empty[i] = System.nanoTime() - start;
      start = System.nanoTime();
      Timing timing = classify.classify(request).getInfo().getTiming();
      total[i] = System.nanoTime() - start;
      tokenize[i] = nanos(timing.getTokenize());
      queue[i] = nanos(timing.getQueue());
      compute[i] = nanos(timing.getCompute());
      outside[i] = total[i] - tokenize[i] - compute[i];
    }
    return new RequestOverhead(
        requests,
        micros(total),
        micros(tokenize),
        micros(queue),
        micros(compute),
        micros(outside),
        micros(empty),
        micros(outside) - micros(empty),
        before
            .map(counters ->
                MetricsReading.read(metrics.orElseThrow())
                        .since(counters, "coffey_jvm_allocated_bytes_total")
                    / requests)
            .orElse(null));
  }

  private static long nanos(Duration duration) {
    return duration.getSeconds() * 1_000_000_000L + duration.getNanos();
  }

  private static double micros(long[] nanos) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2] / 1e3;
  }
}
