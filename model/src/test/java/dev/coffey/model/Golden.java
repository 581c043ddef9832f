package dev.coffey.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/// One golden checkpoint: its folder, its inputs, and what Hugging Face computes for them, with a
/// tolerance a tensor. The fixtures are test resources, or any other folder of the same form given
/// by `-Dcoffey.goldens=DIR`.
final class Golden {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path folder;
  private final JsonNode description;
  private final Map<String, JsonNode> entries = new LinkedHashMap<>();
  private final ByteBuffer data;

  private Golden(Path folder) throws IOException {
    this.folder = folder;
    description = JSON.readTree(folder.resolve("golden.json").toFile());
    ByteBuffer file =
        ByteBuffer.wrap(Files.readAllBytes(folder.resolve("golden.safetensors")))
            .order(ByteOrder.LITTLE_ENDIAN);
    int header = Math.toIntExact(file.getLong());
    byte[] text = new byte[header];
    file.get(text);
    JSON.readTree(new String(text, StandardCharsets.UTF_8))
        .properties()
        .forEach(entry -> entries.put(entry.getKey(), entry.getValue()));
    data = file.slice().order(ByteOrder.LITTLE_ENDIAN);
  }

  /// The folder of fixtures that the tests read.
  static Path root() {
    String given = System.getProperty("coffey.goldens");
    return given == null ? bundledRoot() : Path.of(given);
  }

  /// The fixtures among the test resources.
  static Path bundledRoot() {
    URL resource = Objects.requireNonNull(Golden.class.getResource("/golden"));
    try {
      return Path.of(resource.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /// All checkpoints that can be loaded and have expected values.
  static List<Golden> all() {
    return in(root());
  }

  /// Those among the test resources.
  static List<Golden> bundled() {
    return in(bundledRoot());
  }

  private static List<Golden> in(Path root) {
    Path models = Files.isDirectory(root.resolve("models")) ? root.resolve("models") : root;
    try (Stream<Path> folders = Files.list(models)) {
      List<Golden> goldens = new ArrayList<>();
      for (Path folder : folders.sorted().toList()) {
        boolean loadable =
            Files.exists(folder.resolve("model.safetensors"))
                || Files.exists(folder.resolve("model.safetensors.index.json"));
        if (loadable && Files.exists(folder.resolve("golden.json"))) {
          goldens.add(new Golden(folder));
        }
      }
      return goldens;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String name() {
    return folder.getFileName().toString();
  }

  Path folder() {
    return folder;
  }

  /// The names of all expected tensors.
  List<String> tensors() {
    List<String> names = new ArrayList<>();
    description.get("tensors").fieldNames().forEachRemaining(names::add);
    return names;
  }

  /// The largest difference allowed to any number of the tensor.
  double tolerance(String tensor) {
    return description.get("tensors").get(tensor).get("tolerance").asDouble();
  }

  /// The rows' texts, without padding.
  List<TextInput> texts(List<Readout> readouts) {
    List<int[]> ids = integers("input_ids");
    List<TextInput> texts = new ArrayList<>();
    for (int row = 0; row < ids.size(); row++) {
      int length = ids.get(row).length;
      int[] types =
          entries.containsKey("token_type_ids")
              ? integers("token_type_ids").get(row)
              : new int[length];
      texts.add(new TextInput(ids.get(row), types, IntStream.range(0, length).toArray(), readouts));
    }
    return texts;
  }

  private List<int[]> integers(String tensor) {
    JsonNode entry = Objects.requireNonNull(entries.get(tensor), tensor);
    int rows = entry.get("shape").get(0).asInt();
    int width = entry.get("shape").get(1).asInt();
    long start = entry.get("data_offsets").get(0).asLong();
    List<int[]> integers = new ArrayList<>();
    for (int row = 0; row < rows; row++) {
      int[] one = new int[description.get("lengths").get(row).asInt()];
      for (int i = 0; i < one.length; i++) {
        long offset = start + ((long) row * width + i) * Long.BYTES;
        one[i] = Math.toIntExact(data.getLong(Math.toIntExact(offset)));
      }
      integers.add(one);
    }
    return integers;
  }

  /// An expected tensor's numbers, row-major, padding dropped.
  float[] expected(String tensor) {
    JsonNode entry = Objects.requireNonNull(entries.get(tensor), tensor);
    int from = Math.toIntExact(entry.get("data_offsets").get(0).asLong());
    int to = Math.toIntExact(entry.get("data_offsets").get(1).asLong());
    float[] values = new float[(to - from) / Float.BYTES];
    data.slice(from, to - from).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  @Override
  public String toString() {
    return name();
  }
}
