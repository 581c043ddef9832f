package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Test resources and folders made of them.
final class Fixtures {
  static final JsonMapper JSON = new JsonMapper();

  private Fixtures() {}

  static Path resource(String name) {
    URL url = Objects.requireNonNull(Fixtures.class.getResource("/" + name), name);
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  static JsonNode json(String resource) {
    try {
      return JSON.readTree(Files.readString(resource(resource)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// A new folder below `parent` with the named files of the resource folder `from`.
  static Path folder(Path parent, String from, List<String> files) {
    try {
      Path folder = Files.createTempDirectory(parent, "tokenizer");
      for (String file : files) {
        Files.copy(resource(from + "/" + file), folder.resolve(file));
      }
      return folder;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The tokenizer of the resource folder `from`, made from one of its files alone.
  static Tokenizer open(String from, String file) {
    try {
      Path parent = Files.createTempDirectory("tokenizer");
      Path folder = folder(parent, from, List.of(file));
      try {
        return Tokenizer.load(folder);
      } finally {
        Files.delete(folder.resolve(file));
        Files.delete(folder);
        Files.delete(parent);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }

  static @Nullable String textOrNull(JsonNode node) {
    return node.isTextual() ? node.textValue() : null;
  }

  static List<JsonNode> list(JsonNode array) {
    List<JsonNode> nodes = new ArrayList<>();
    array.forEach(nodes::add);
    return nodes;
  }
}
