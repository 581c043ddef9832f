package dev.coffey.server;

import com.google.inject.AbstractModule;
import com.google.inject.Provides;
import com.google.inject.Singleton;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.KernelsSelector;
import dev.coffey.server.batch.Batcher;
import dev.coffey.server.batch.Ticker;
import dev.coffey.server.config.ServerConfig;
import dev.coffey.server.grpc.GrpcServices;
import dev.coffey.server.grpc.HandlerPool;
import dev.coffey.server.grpc.HealthReporter;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelRegistry;
import java.util.concurrent.CompletableFuture;

/// Wires an [Engine]. What is opened goes into `resources`, in the order of opening.
final class ServerModule extends AbstractModule {
  private final ServerConfig config;
  private final String version;
  private final Resources resources;

  ServerModule(ServerConfig config, String version, Resources resources) {
    this.config = config;
    this.version = version;
    this.resources = resources;
  }

  @Provides
  @Singleton
  KernelsSelector.Selection selection() {
    return KernelsSelector.select(
        config.backend().name(), KernelsProvider.all(), config.backend().options());
  }

  @Provides
  @Singleton
  Kernels kernels(KernelsSelector.Selection selection) {
    return resources.add(selection.provider().open(config.backend().options()));
  }

  @Provides
  @Singleton
  ServerMetrics metrics() {
    return new ServerMetrics();
  }

  @Provides
  @Singleton
  HealthReporter health() {
    return new HealthReporter();
  }

  @Provides
  @Singleton
  News news(ServerMetrics metrics, HealthReporter health) {
    return new News(metrics, health, new CompletableFuture<>());
  }

  @Provides
  @Singleton
  HandlerPool handlers() {
    return resources.add(HandlerPool.of(config.grpc()));
  }

  /// Asks for the kernels only to be opened after them and closed before: its thread is the one
  /// that uses them.
  @SuppressWarnings("unused")
  @Provides
  @Singleton
  Batcher batcher(Kernels kernels, HandlerPool handlers, News news) {
    return resources.add(Batcher.start(config.batch(), handlers, Ticker.SYSTEM, news));
  }

  @Provides
  @Singleton
  ModelRegistry registry(Batcher batcher, Kernels kernels, News news) {
    return resources.add(
        new ModelRegistry(batcher, kernels, config.registry(), Ticker.SYSTEM, news));
  }

  @Provides
  @Singleton
  GrpcServices services(
      ModelRegistry registry,
      Batcher batcher,
      HandlerPool handlers,
      ServerMetrics metrics,
      HealthReporter health) {
    return new GrpcServices(
        config.grpc(),
        registry,
        batcher,
        Ticker.SYSTEM,
        handlers,
        metrics,
        health,
        config.models(),
        version);
  }

  @Provides
  @Singleton
  Engine engine(
      KernelsSelector.Selection selection,
      Kernels kernels,
      ModelRegistry registry,
      GrpcServices services,
      ServerMetrics metrics,
      HealthReporter health,
      News news) {
    return new Engine(
        selection, kernels, registry, services, metrics, health, news.deviceLost(), resources);
  }
}
