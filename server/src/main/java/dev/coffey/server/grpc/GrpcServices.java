package dev.coffey.server.grpc;

import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.metrics.CallMetrics;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelRegistry;
import io.grpc.BindableService;
import io.grpc.MethodDescriptor;
import io.grpc.ServerBuilder;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// All services of a server with what they share, ready for any transport. Requests pass, from the
/// outside in: call metrics, the gate (not for health and reflection, which must answer when the
/// server is full or drains), strict decoding, the service.
public final class GrpcServices {
  /// The methods whose services do no more than look at a request before [Inference#run].
  private static final Set<String> DECIDED =
      Stream.of(
              InferenceServiceGrpc.getClassifyMethod(),
              InferenceServiceGrpc.getEmbedMethod(),
              InferenceServiceGrpc.getRankMethod(),
              InferenceServiceGrpc.getTagMethod(),
              InferenceServiceGrpc.getAnswerMethod(),
              InferenceServiceGrpc.getFillMaskMethod(),
              InferenceServiceGrpc.getZeroShotMethod(),
              InferenceServiceGrpc.getSummarizeMethod(),
              GRPCInferenceServiceGrpc.getModelInferMethod())
          .map(MethodDescriptor::getFullMethodName)
          .collect(Collectors.toUnmodifiableSet());

  private final Gate gate;
  private final MessageStreams streams;
  private final HealthReporter health;
  private final ServerMetrics metrics;
  private final List<ServerServiceDefinition> definitions;

  /// @param models the folder of the models that may be loaded while the server runs
  /// @param serverVersion what ServerMetadata says
  public GrpcServices(
      GrpcConfig config,
      ModelRegistry registry,
      Batcher batcher,
      Ticker ticker,
      HandlerPool handlers,
      ServerMetrics metrics,
      HealthReporter health,
      Optional<Path> models,
      String serverVersion) {
    this.gate = new Gate(handlers, DECIDED, config.maxCalls(), metrics);
    this.health = health;
    this.metrics = metrics;
    Inference inference = new Inference(batcher, ticker, metrics, config.maxRequestTokens());
    TypedTasks tasks = TypedTasks.of(new TaskRunner(registry, inference, config));
    this.streams = new MessageStreams(tasks);
    CallMetrics callMetrics = new CallMetrics(metrics);
    List<ServerServiceDefinition> all = new ArrayList<>();
    for (BindableService service :
        List.of(
            new InferenceService(tasks, streams),
            new ModelInfoService(registry, new ModelLoader(registry, models)),
            new OpenInferenceService(registry, inference, config, serverVersion))) {
      // The last interceptor of the list is the outermost.
      all.add(ServerInterceptors.intercept(strict(service), gate, callMetrics));
    }
    all.add(ServerInterceptors.intercept(strict(health.service()), callMetrics));
    for (BindableService service : reflection()) {
      all.add(ServerInterceptors.intercept(strict(service), callMetrics));
    }
    definitions = List.copyOf(all);
  }

  private static ServerServiceDefinition strict(BindableService service) {
    return StrictMethods.of(service.bindService());
  }

  /// Both versions: grpcurl asks for v1, older tools for v1alpha only.
  @SuppressWarnings("deprecation") // v1alpha is deprecated, and asked for
  private static List<BindableService> reflection() {
    return List.of(
        ProtoReflectionServiceV1.newInstance(),
        io.grpc.protobuf.services.ProtoReflectionService.newInstance());
  }

  /// Puts the services into a server.
  public <T extends ServerBuilder<T>> T addTo(T builder) {
    // Tasks start on Netty's thread; CallTasks says which leave it.
    builder.directExecutor();
    builder.callExecutor(gate);
    builder.addStreamTracerFactory(CallTracer.factory(metrics));
    definitions.forEach(builder::addService);
    return builder;
  }

  /// How many calls of `Stream` are open.
  int openStreams() {
    return streams.size();
  }

  /// Says NOT_SERVING, lets no call begin any more and waits until those that began have ended, or
  /// for `limit`.
  ///
  /// @return whether all have ended
  public boolean drain(Duration limit) throws InterruptedException {
    health.draining();
    streams.drain();
    return gate.drain(limit);
  }
}
