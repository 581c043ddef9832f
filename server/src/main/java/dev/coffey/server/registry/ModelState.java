package dev.coffey.server.registry;

/// Where a model is in its life.
public enum ModelState {
  /// Being read, packed or warmed up.
  LOADING,
  /// Answers requests.
  READY,
  /// Answers what is queued, takes nothing new.
  UNLOADING,
  /// Could not be loaded.
  FAILED
}
