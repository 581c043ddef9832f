package dev.coffey.server.grpc;

import dev.coffey.server.batch.BatchListener;
import dev.coffey.server.batch.ModelQueue;
import dev.coffey.server.registry.ModelState;
import dev.coffey.server.registry.ModelStatus;
import dev.coffey.server.registry.RegistryListener;
import io.grpc.BindableService;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.protobuf.services.HealthStatusManager;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/// `grpc.health.v1`: the server as "", each model by its name, and each of several devices as
/// `device/0` and so on.
///
/// A model is SERVING while a version of it is ready and its batches do not fail; the server, once
/// it has started, while every model is; a device until it is lost. While others are left, that
/// takes out neither the models nor the server. Draining turns all to NOT_SERVING for good.
public final class HealthReporter implements RegistryListener, BatchListener {
  private final HealthStatusManager manager = new HealthStatusManager();
  private final Object lock = new Object();
  private final Set<ModelQueue> failing = new HashSet<>();
  private Set<String> names = Set.of();
  private List<ModelStatus> models = List.of();
  private boolean started;

  /// A reporter that says NOT_SERVING until [#started].
  ///
  /// @param devices that compute
  public HealthReporter(int devices) {
    manager.setStatus("", ServingStatus.NOT_SERVING);
    for (int device = 0; devices > 1 && device < devices; device++) {
      manager.setStatus(device(device), ServingStatus.SERVING);
    }
  }

  private static String device(int device) {
    return "device/" + device;
  }

  @Override
  public void deviceLost(int device, int left, Throwable cause) {
    manager.setStatus(device(device), ServingStatus.NOT_SERVING);
  }

  BindableService service() {
    return manager.getHealthService();
  }

  /// All models that the server starts with are loaded.
  public void started() {
    synchronized (lock) {
      started = true;
      report();
    }
  }

  /// The server takes nothing new any more. Nothing that comes later changes that.
  public void draining() {
    manager.enterTerminalState();
  }

  @Override
  public void changed(List<ModelStatus> all) {
    synchronized (lock) {
      models = all;
      report();
    }
  }

  @Override
  public void modelFailed(ModelQueue queue, Throwable cause) {
    synchronized (lock) {
      failing.add(queue);
      report();
    }
  }

  @Override
  public void modelRecovered(ModelQueue queue) {
    synchronized (lock) {
      failing.remove(queue);
      report();
    }
  }

  private void report() {
    Set<String> now = new HashSet<>();
    // Of those that are loaded: one that comes or goes while the others answer doesn't take the
    // server out.
    boolean any = false;
    boolean all = true;
    for (ModelStatus model : models) {
      if (now.add(model.name())) {
        boolean serving =
            models.stream()
                .anyMatch(version -> version.name().equals(model.name()) && serving(version));
        manager.setStatus(model.name(), status(serving));
        boolean loaded =
            models.stream()
                .anyMatch(version ->
                    version.name().equals(model.name()) && version.state() == ModelState.READY);
        any |= loaded;
        all &= serving || !loaded;
      }
    }
    for (String gone : names) {
      if (!now.contains(gone)) {
        manager.clearStatus(gone);
      }
    }
    names = now;
    manager.setStatus("", status(started && any && all));
  }

  private boolean serving(ModelStatus version) {
    return version.state() == ModelState.READY
        && version.handle().stream().noneMatch(handle -> failing.contains(handle.queue()));
  }

  private static ServingStatus status(boolean serving) {
    return serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }
}
