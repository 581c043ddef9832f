package dev.coffey.server.bench;

import com.google.protobuf.Duration;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.ServerLiveRequest;
import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.ClassifyResponse;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.Input;
import dev.coffey.proto.v1.Timing;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.util.Arrays;

/// What a request costs besides tokenizing and compute: one client sends one sentence at a time, in
/// turns with an empty RPC on the same connection, and takes the server's own tokenize and compute
/// times off what it saw.
///
/// `tools/bench overhead TARGET [requests [METRICS_URL]]`, with a server running: `./coffey serve`.
/// With its metrics, it also tells what the server allocates for a request and an empty RPC
/// together.
public final class Overhead {
  private static final String TEXT = "a warm , funny film that earns every one of its tears .";

  private Overhead() {}

  public static void main(String[] args) throws Exception {
    int requests = args.length > 1 ? Integer.parseInt(args[1]) : 10_000;
    ManagedChannel channel = NettyChannelBuilder.forTarget(args[0]).usePlaintext().build();
    try {
      // The first half compiles both sides' code.
      measure(channel, requests);
      Counters before = args.length > 2 ? Counters.read(args[2]) : null;
      System.out.print(measure(channel, requests));
      if (before != null) {
        double bytes =
            Counters.read(args[2]).since(before, "coffey_jvm_allocated_bytes_total") / requests;
        System.out.printf("the server allocates %.1f KiB for a pair of both%n", bytes / 1024);
      }
    } finally {
      channel.shutdownNow();
    }
  }

  private static String measure(ManagedChannel channel, int requests) {
    var classify = InferenceServiceGrpc.newBlockingStub(channel);
    var live = GRPCInferenceServiceGrpc.newBlockingStub(channel);
    ClassifyRequest request =
        ClassifyRequest.newBuilder().addInputs(Input.newBuilder().setText(TEXT)).build();
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
      ClassifyResponse response = classify.classify(request);
      total[i] = System.nanoTime() - start;
      Timing timing = response.getInfo().getTiming();
      tokenize[i] = nanos(timing.getTokenize());
      queue[i] = nanos(timing.getQueue());
      compute[i] = nanos(timing.getCompute());
      outside[i] = total[i] - tokenize[i] - compute[i];
    }
    return """
    %d requests, one client; microseconds, p50 (p90)
    whole request               %s
      tokenize                  %s
      queue                     %s
      compute                   %s
    outside tokenize, compute   %s
    empty RPC                   %s
    overhead beyond the empty RPC, p50: %.1f
    """
        .formatted(
            requests,
            quantiles(total),
            quantiles(tokenize),
            quantiles(queue),
            quantiles(compute),
            quantiles(outside),
            quantiles(empty),
            (quantile(outside, 0.5) - quantile(empty, 0.5)) / 1e3);
  }

  private static long nanos(Duration duration) {
    return duration.getSeconds() * 1_000_000_000L + duration.getNanos();
  }

  private static String quantiles(long[] nanos) {
    return "%8.1f (%.1f)".formatted(quantile(nanos, 0.5) / 1e3, quantile(nanos, 0.9) / 1e3);
  }

  private static double quantile(long[] nanos, double share) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    return sorted[(int) (share * (sorted.length - 1))];
  }
}
