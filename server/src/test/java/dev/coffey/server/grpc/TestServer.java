package dev.coffey.server.grpc;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.model.BatchRunner;
import dev.coffey.model.TextModel;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc;
import dev.coffey.proto.inference.GRPCInferenceServiceGrpc.GRPCInferenceServiceBlockingStub;
import dev.coffey.proto.v1.InferenceServiceGrpc;
import dev.coffey.proto.v1.InferenceServiceGrpc.InferenceServiceBlockingStub;
import dev.coffey.proto.v1.ModelServiceGrpc;
import dev.coffey.proto.v1.ModelServiceGrpc.ModelServiceBlockingStub;
import dev.coffey.server.batch.BatchConfig;
import dev.coffey.server.batch.BatchListener;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.RegistryConfig;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/// A whole server on the scalar backend, if no other is given, over the in-process transport:
/// everything but the socket and the command line.
public final class TestServer implements AutoCloseable {
  private static final AtomicInteger COUNT = new AtomicInteger();

  /// Quick: kernels of the scalar backend have nothing to gain from warming up.
  private static final RegistryConfig REGISTRY = new RegistryConfig(Duration.ofMillis(20), 32, 32);

  private final Kernels kernels;
  private final GrpcConfig config;
  private final HandlerPool handlers;
  private final Batcher batcher;
  private final ModelRegistry registry;
  private final ServerMetrics metrics = new ServerMetrics(1);
  private final HealthReporter health = new HealthReporter(1);
  private final GrpcServices services;
  private final Server server;
  private final ManagedChannel channel;

  /// A server of `models` whose device is what `runners` makes of each.
  public TestServer(
      List<ModelLocation> models,
      GrpcConfig config,
      BatchConfig batches,
      Function<TextModel, BatchRunner> runners) {
    this(models, config, batches, runners, Optional.empty());
  }

  /// As above; `folder` has models that may be loaded later.
  public TestServer(
      List<ModelLocation> models,
      GrpcConfig config,
      BatchConfig batches,
      Function<TextModel, BatchRunner> runners,
      Optional<Path> folder) {
    this(
        new ScalarProvider().open(new KernelsOptions(1)), models, config, batches, runners, folder);
  }

  /// As above, on `kernels`, which the server closes.
  public TestServer(
      Kernels kernels,
      List<ModelLocation> models,
      GrpcConfig config,
      BatchConfig batches,
      Function<TextModel, BatchRunner> runners,
      Optional<Path> folder) {
    this.kernels = kernels;
    this.config = config;
    handlers = HandlerPool.of(config);
    BatchListener listener =
        new BatchListener() {
          @Override
          public void batchComputed(ModelQueue queue, int tokens, int texts, long nanos) {
            metrics.batchComputed(queue, tokens, texts, nanos);
          }

          @Override
          public void modelFailed(ModelQueue queue, Throwable cause) {
            health.modelFailed(queue, cause);
          }

          @Override
          public void modelRecovered(ModelQueue queue) {
            health.modelRecovered(queue);
          }
        };
    batcher = Batcher.start(batches, handlers, Ticker.SYSTEM, listener);
    registry =
        new ModelRegistry(
            batcher,
            List.of(kernels),
            REGISTRY,
            Ticker.SYSTEM,
            all -> {
              metrics.changed(all);
              health.changed(all);
            },
            runners);
    services =
        new GrpcServices(
            config, registry, batcher, Ticker.SYSTEM, handlers, metrics, health, folder, "test");
    String name = "test-" + COUNT.incrementAndGet();
    try {
      server =
          services
              .addTo(
                  InProcessServerBuilder.forName(name)
                      .maxInboundMetadataSize(config.maxMetadataBytes()))
              .build()
              .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    channel = InProcessChannelBuilder.forName(name).build();
    registry.loadAll(models);
    health.started();
  }

  /// A server with the settings that hold where nothing is set.
  public static TestServer of(ModelLocation... models) {
    return new TestServer(List.of(models), GrpcConfig.DEFAULT, BatchConfig.DEFAULT, model -> model);
  }

  /// A server whose device is a stand-in.
  public static TestServer with(Function<TextModel, BatchRunner> runners, ModelLocation... models) {
    return new TestServer(List.of(models), GrpcConfig.DEFAULT, BatchConfig.DEFAULT, runners);
  }

  public InferenceServiceBlockingStub inference() {
    return InferenceServiceGrpc.newBlockingStub(channel);
  }

  public ModelServiceBlockingStub models() {
    return ModelServiceGrpc.newBlockingStub(channel);
  }

  public GRPCInferenceServiceBlockingStub open() {
    return GRPCInferenceServiceGrpc.newBlockingStub(channel)
        .withMaxInboundMessageSize(Integer.MAX_VALUE);
  }

  public ManagedChannel channel() {
    return channel;
  }

  public ModelRegistry registry() {
    return registry;
  }

  public Batcher batcher() {
    return batcher;
  }

  HandlerPool handlers() {
    return handlers;
  }

  public ServerMetrics metrics() {
    return metrics;
  }

  public GrpcServices services() {
    return services;
  }

  public HealthReporter health() {
    return health;
  }

  public GrpcConfig config() {
    return config;
  }

  @Override
  public void close() {
    channel.shutdownNow();
    server.shutdownNow();
    try {
      if (!server.awaitTermination(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the server did not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    registry.close();
    batcher.close();
    handlers.close();
    kernels.close();
  }
}
