package dev.coffey.server.registry;

import java.util.List;

/// Hears how models come and go. Called by the thread that loads or unloads.
@FunctionalInterface
public interface RegistryListener {
  /// Hears nothing.
  RegistryListener NONE = models -> {};

  /// A model came, went, or is in a new state; `models` is all that there are now.
  void changed(List<ModelStatus> models);
}
