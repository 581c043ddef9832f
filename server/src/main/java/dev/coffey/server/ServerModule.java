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
import dev.coffey.server.registry.RegistryConfig.ReadyWhen;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// Wires an [Engine]. What is opened goes into `resources`, in the order of opening.
final class ServerModule extends AbstractModule {
  private final ServerConfig config;
  private final List<KernelsProvider> providers;
  private final String version;
  private final Resources resources;

  ServerModule(
      ServerConfig config, List<KernelsProvider> providers, String version, Resources resources) {
    this.config = config;
    this.providers = providers;
    this.version = version;
    this.resources = resources;
  }

  @Provides
  @Singleton
  KernelsSelector.Selection selection() {
    return config.backend().select(providers);
  }

  @Provides
  @Singleton
  List<Kernels> kernels(KernelsSelector.Selection selection) {
    List<Kernels> devices = selection.open(config.registry().readyWhen() == ReadyWhen.LOADED);
    devices.forEach(resources::add);
    return devices;
  }

  @Provides
  @Singleton
  ServerMetrics metrics(List<Kernels> kernels) {
    return new ServerMetrics(kernels.size());
  }

  @Provides
  @Singleton
  HealthReporter health(List<Kernels> kernels) {
    return new HealthReporter(kernels.size());
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

  /// Opened after the kernels and closed before: its threads are those that use them.
  @Provides
  @Singleton
  Batcher batcher(List<Kernels> kernels, HandlerPool handlers, News news) {
    int inFlight = kernels.getFirst().inFlight();
    return resources.add(
        Batcher.start(config.batch(), kernels.size(), inFlight, handlers, Ticker.SYSTEM, news));
  }

  @Provides
  @Singleton
  ModelRegistry registry(Batcher batcher, List<Kernels> kernels, News news) {
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
      ModelRegistry registry,
      GrpcServices services,
      ServerMetrics metrics,
      HealthReporter health,
      News news) {
    return new Engine(selection, registry, services, metrics, health, news.deviceLost(), resources);
  }
}
