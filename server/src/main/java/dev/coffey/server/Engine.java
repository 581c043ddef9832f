package dev.coffey.server;

import dev.coffey.kernels.KernelsSelector;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.server.grpc.GrpcServices;
import dev.coffey.server.grpc.HealthReporter;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.ModelStatus;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/// A server without a port: backend, batcher, models and services, ready for a transport. Owns them
/// all; close the transport first.
public final class Engine implements AutoCloseable {
  private final KernelsSelector.Selection selection;
  private final ModelRegistry registry;
  private final GrpcServices services;
  private final ServerMetrics metrics;
  private final HealthReporter health;
  private final CompletableFuture<String> deviceLost;
  private final Resources resources;

  Engine(
      KernelsSelector.Selection selection,
      ModelRegistry registry,
      GrpcServices services,
      ServerMetrics metrics,
      HealthReporter health,
      CompletableFuture<String> deviceLost,
      Resources resources) {
    this.selection = selection;
    this.registry = registry;
    this.services = services;
    this.metrics = metrics;
    this.health = health;
    this.deviceLost = deviceLost;
    this.resources = resources;
  }

  /// The backend that was chosen, and what each said.
  public KernelsSelector.Selection selection() {
    return selection;
  }

  /// What computes, for a person: instruction set, lanes, threads; for several devices each.
  public String backend() {
    return String.join("; ", registry.devices());
  }

  /// What a transport offers.
  public GrpcServices services() {
    return services;
  }

  public ServerMetrics metrics() {
    return metrics;
  }

  /// Loads and warms up all models, then says SERVING.
  ///
  /// @throws RuntimeException if one can't be loaded, with a message for the user
  public void load(List<ModelLocation> models) {
    registry.loadAll(models);
    health.started();
  }

  /// The models, in whatever state they are.
  public List<ModelStatus> models() {
    return registry.list();
  }

  /// Completed, with the reason, when no device is left that computes: all are lost for this
  /// process.
  public CompletionStage<String> deviceLost() {
    return deviceLost.minimalCompletionStage();
  }

  @Override
  public void close() {
    resources.close();
  }
}
