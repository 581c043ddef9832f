package dev.coffey.server;

import dev.coffey.server.batch.BatchListener;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.grpc.HealthReporter;
import dev.coffey.server.metrics.ServerMetrics;
import dev.coffey.server.registry.ModelStatus;
import dev.coffey.server.registry.RegistryListener;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// Passes on what batcher and registry tell to all that want to hear it.
///
/// @param deviceLost completed with the reason when the last device is lost
record News(ServerMetrics metrics, HealthReporter health, CompletableFuture<String> deviceLost)
    implements BatchListener, RegistryListener {
  @Override
  public void batchComputed(ModelQueue queue, int tokens, int texts, long computeNanos) {
    metrics.batchComputed(queue, tokens, texts, computeNanos);
    health.batchComputed(queue, tokens, texts, computeNanos);
  }

  @Override
  public void modelFailed(ModelQueue queue, Throwable cause) {
    metrics.modelFailed(queue, cause);
    health.modelFailed(queue, cause);
  }

  @Override
  public void deviceLost(int device, int left, Throwable cause) {
    metrics.deviceLost(device, left, cause);
    health.deviceLost(device, left, cause);
    if (left == 0) {
      deviceLost.complete("the last device is lost: " + cause.getMessage());
    }
  }

  @Override
  public void modelRecovered(ModelQueue queue) {
    metrics.modelRecovered(queue);
    health.modelRecovered(queue);
  }

  @Override
  public void changed(List<ModelStatus> models) {
    metrics.changed(models);
    health.changed(models);
  }
}
