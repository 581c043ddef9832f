package dev.coffey.server.cli;

import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.ModelLocation;
import dev.coffey.server.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// The models to load: those of a folder, or the built-in one, which lies in the server's jar.
/// Close it once they are loaded.
record ModelSource(List<ModelLocation> models, @Nullable FileSystem jar) implements AutoCloseable {
  static final String BUILT_IN = "distilbert-mini-sst2";

  /// @throws dev.coffey.model.checkpoint.CheckpointException if there is no model in `folder`
  static ModelSource of(Optional<Path> folder) {
    return folder
        .map(path -> new ModelSource(ModelFolder.discover(path), null))
        .orElseGet(ModelSource::builtIn);
  }

  private static ModelSource builtIn() {
    URL config =
        Objects.requireNonNull(
            Engine.class.getResource("models/" + BUILT_IN + "/config.json"),
            "the built-in model is not on the class path");
    try {
      URI uri = config.toURI();
      if (!uri.getScheme().equals("jar")) {
        return new ModelSource(
            List.of(location(Objects.requireNonNull(Path.of(uri).getParent()))), null);
      }
      String[] parts = uri.getSchemeSpecificPart().split("!", 2);
      FileSystem jar = FileSystems.newFileSystem(Path.of(URI.create(parts[0])), (ClassLoader) null);
      return new ModelSource(
          List.of(location(Objects.requireNonNull(jar.getPath(parts[1]).getParent()))), jar);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    } catch (IOException e) {
      throw new UncheckedIOException("can't open the server's jar: " + e.getMessage(), e);
    }
  }

  private static ModelLocation location(Path folder) {
    return new ModelLocation(BUILT_IN, OptionalInt.empty(), folder);
  }

  @Override
  public void close() {
    try {
      if (jar != null) {
        jar.close();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("can't close the server's jar: " + e.getMessage(), e);
    }
  }
}
