package dev.coffey.server.grpc;

import dev.coffey.kernels.DeviceMemoryException;
import dev.coffey.model.checkpoint.CheckpointException;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.model.tokenize.TokenizerException;
import dev.coffey.server.failure.InferenceException.NotLoadable;
import dev.coffey.server.failure.InferenceException.UnknownModel;
import dev.coffey.server.names.NearNames;
import dev.coffey.server.registry.ModelHandle;
import dev.coffey.server.registry.ModelRegistry;
import dev.coffey.server.registry.ModelStatus;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.ReentrantLock;

/// Loads and unloads models while the server runs, one after the other: what takes seconds, and
/// blocks, so on a thread of its own and never on a handler's.
final class ModelLoader {
  private final ModelRegistry registry;
  private final Optional<Path> folder;
  private final ReentrantLock turn = new ReentrantLock();

  /// @param folder of the models that may be loaded; empty for none
  ModelLoader(ModelRegistry registry, Optional<Path> folder) {
    this.registry = registry;
    this.folder = folder;
  }

  /// Loads a model, once more if it is there. Until it is, what is loaded of it under other
  /// versions answers.
  ///
  /// @param version empty for the newest
  CompletableFuture<ModelHandle> load(String name, String version) {
    return inTurn(() -> {
      ModelLocation location = location(name, version);
      String number = number(location);
      for (ModelHandle handle : loaded(name)) {
        if (handle.version().equals(number)) {
          registry.unload(handle);
        }
      }
      try {
        return registry.load(location);
      } catch (CheckpointException
          | TokenizerException
          | DeviceMemoryException
          | IllegalArgumentException e) {
        throw new NotLoadable(
            "model '%s' version %s can't be loaded: %s".formatted(name, number, e.getMessage()));
      }
    });
  }

  /// Unloads a model once what waits for it is answered.
  ///
  /// @param version empty for all
  CompletableFuture<Boolean> unload(String name, String version) {
    return inTurn(() -> {
      List<ModelHandle> wanted =
          loaded(name).stream()
              .filter(handle -> version.isEmpty() || handle.version().equals(version))
              .toList();
      if (wanted.isEmpty()) {
        // Says which names or versions there are.
        wanted = List.of(registry.find(name, version, Optional.empty()));
      }
      wanted.forEach(registry::unload);
      return true;
    });
  }

  private List<ModelHandle> loaded(String name) {
    return registry.list().stream()
        .filter(status -> status.name().equals(name))
        .map(ModelStatus::handle)
        .flatMap(Optional::stream)
        .toList();
  }

  private ModelLocation location(String name, String version) {
    List<ModelLocation> all;
    try {
      all =
          ModelFolder.discover(
              folder.orElseThrow(() ->
                  new NotLoadable(
                      "this server has no folder of models (models.dir); it serves what is built in")));
    } catch (CheckpointException e) {
      throw new NotLoadable(String.valueOf(e.getMessage()));
    }
    return all.stream()
        .filter(location -> location.name().equals(name))
        .filter(location -> version.isEmpty() || number(location).equals(version))
        .max(Comparator.comparingInt(location -> location.version().orElse(1)))
        .orElseThrow(() ->
            new UnknownModel(
                version.isEmpty() ? name : name + "/" + version,
                NearNames.of(name, all.stream().map(ModelLocation::name).distinct().toList())));
  }

  private static String number(ModelLocation location) {
    return Integer.toString(location.version().orElse(1));
  }

  private <T> CompletableFuture<T> inTurn(Callable<T> change) {
    CompletableFuture<T> done = new CompletableFuture<>();
    Thread.ofPlatform()
        .daemon()
        .name("coffey-models")
        .start(() -> {
          turn.lock();
          try {
            done.complete(change.call());
          } catch (Throwable failure) {
            done.completeExceptionally(failure);
          } finally {
            turn.unlock();
          }
        });
    return done;
  }
}
