package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Damages good model folders in ways that know their structure, opens each and hands what opens to
/// a consumer. A case is a function of seed and number. What came of it all is a [Report]; anything
/// but success or a [CheckpointException] with a one-line message ends the run at once, with the
/// case's number and what was done.
public final class CheckpointFuzz {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final Path GOLDEN = Path.of("src/test/resources/golden/models");

  /// The smallest golden folders of each kind: one file, half precision, shards.
  private static final List<String> BASES =
      List.of("distilbert-mlm-untied", "distilbert-fp16", "distilbert-sharded");

  private static final List<String> JSON_VALUES =
      List.of(
          "null",
          "true",
          "-1",
          "0",
          "1",
          "2",
          "1.5",
          "1e400",
          "-0.0",
          "2147483647",
          "2147483648",
          "4294967297",
          "4611686018427387904",
          "9223372036854775807",
          "9223372036854775808",
          "1" + "0".repeat(60),
          "1" + "0".repeat(2000),
          "\"\"",
          "\"7\"",
          "\"F64\"",
          "\"F16\"",
          "\"I64\"",
          "\"F4\"",
          "\"\\u0000\"",
          "\"../x.safetensors\"",
          "\"" + "x".repeat(3000) + "\"",
          "[]",
          "{}",
          "[1]",
          "[0,0]",
          "[[0]]",
          "{\"0\":\"a\"}",
          "[".repeat(40) + "]".repeat(40),
          "NaN",
          "\"DistilBertForMaskedLM\"",
          "[\"DistilBertModel\"]");

  private final long seed;
  private final Consumer<ModelFolder> consumer;

  /// What came of a run: how often each outcome, and the dearest cases.
  public record Report(
      int cases,
      Map<String, Integer> outcomes,
      long slowestNanos,
      long mostAllocatedBytes,
      long peakHeapBytes) {
    /// Outcomes, most frequent first, one a line.
    @Override
    public String toString() {
      String table =
          outcomes.entrySet().stream()
              .sorted(Map.Entry.<String, Integer>comparingByValue().reversed())
              .map(e -> "  %6d  %s%n".formatted(e.getValue(), e.getKey()))
              .collect(Collectors.joining());
      return "%d damaged model folders:%n%s  slowest %.1f ms, most allocated by one %.2f MB, peak heap %.1f MB%n"
          .formatted(
              cases, table, slowestNanos / 1e6, mostAllocatedBytes / 1e6, peakHeapBytes / 1e6);
    }
  }

  /// What `consumer` throws, other than CheckpointException, fails the run too.
  public CheckpointFuzz(long seed, Consumer<ModelFolder> consumer) {
    this.seed = seed;
    this.consumer = consumer;
  }

  /// Runs `cases` cases in a folder of its own below `scratch`.
  public Report run(int cases, Path scratch) throws IOException {
    List<Base> bases = new ArrayList<>();
    for (String name : BASES) {
      bases.add(Base.copy(GOLDEN.resolve(name), scratch.resolve(name)));
    }
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    List<MemoryPoolMXBean> heap =
        ManagementFactory.getMemoryPoolMXBeans().stream()
            .filter(pool -> pool.getType() == MemoryType.HEAP)
            .toList();
    heap.forEach(MemoryPoolMXBean::resetPeakUsage);
    Map<String, Integer> outcomes = new TreeMap<>();
    long slowest = 0;
    long mostAllocated = 0;
    for (int i = 0; i < cases; i++) {
      SplittableRandom random = new SplittableRandom(seed * 1_000_003 + i);
      Base base = bases.get(random.nextInt(bases.size()));
      String done = base.damage(random);
      // Class loading and the JIT's warm-up belong to no case.
      long allocated = threads.getCurrentThreadAllocatedBytes();
      long start = System.nanoTime();
      String outcome = outcome(base.folder, "seed " + seed + " case " + i + ": " + done);
      if (i >= 100) {
        slowest = Math.max(slowest, System.nanoTime() - start);
        mostAllocated =
            Math.max(mostAllocated, threads.getCurrentThreadAllocatedBytes() - allocated);
      }
      outcomes.merge(outcome, 1, Integer::sum);
      base.restore();
    }
    long peak = heap.stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
    return new Report(cases, outcomes, slowest, mostAllocated, peak);
  }

  private String outcome(Path folder, String what) {
    try (ModelFolder opened = ModelFolder.open(folder)) {
      consumer.accept(opened);
      return "opened and read";
    } catch (CheckpointException e) {
      String message = String.valueOf(e.getMessage());
      if (!message.startsWith(folder.toString())
          || message.contains("\n")
          || message.length() > 4000) {
        throw new AssertionError(what + ": not a one-line message: " + message, e);
      }
      return e.problem().name();
    } catch (RuntimeException | Error e) {
      throw new AssertionError(what, e);
    }
  }

  /// A copy of a good folder, one file of which is damaged at a time.
  private static final class Base {
    final Path folder;
    final Map<String, byte[]> files = new LinkedHashMap<>();
    final List<String> weights;
    private final List<String> changed = new ArrayList<>();

    private Base(Path folder, Map<String, byte[]> files) {
      this.folder = folder;
      this.files.putAll(files);
      this.weights = files.keySet().stream().filter(name -> name.endsWith(".safetensors")).toList();
    }

    static Base copy(Path from, Path to) throws IOException {
      Files.createDirectories(to);
      Map<String, byte[]> files = new TreeMap<>();
      try (Stream<Path> list = Files.list(from)) {
        for (Path file : list.toList()) {
          String name = file.getFileName().toString();
          if (!name.startsWith("golden")) {
            files.put(name, Files.readAllBytes(file));
          }
        }
      }
      Base base = new Base(to, files);
      base.restore();
      return base;
    }

    void restore() throws IOException {
      for (Map.Entry<String, byte[]> file : files.entrySet()) {
        Path path = folder.resolve(file.getKey());
        if (!Files.exists(path)
            || Files.size(path) != file.getValue().length
            || changed.contains(file.getKey())) {
          write(file.getKey(), file.getValue());
        }
      }
      changed.clear();
    }

    /// A new file, never the old one written over: it may still be mapped.
    private void write(String name, byte[] bytes) throws IOException {
      Files.deleteIfExists(folder.resolve(name));
      Files.write(folder.resolve(name), bytes);
      changed.add(name);
    }

    private byte[] file(String name) {
      byte[] bytes = files.get(name);
      if (bytes == null) {
        throw new IllegalStateException(name);
      }
      return bytes.clone();
    }

    /// Damages one file and says how.
    String damage(SplittableRandom random) throws IOException {
      List<String> json = files.keySet().stream().filter(name -> name.endsWith(".json")).toList();
      if (random.nextInt(20) == 0) {
        List<String> all = List.copyOf(files.keySet());
        String name = all.get(random.nextInt(all.size()));
        Files.delete(folder.resolve(name));
        return "deleted " + name;
      }
      if (random.nextInt(3) == 0) {
        String name = json.get(random.nextInt(json.size()));
        String text = new String(file(name), StandardCharsets.UTF_8);
        Damage damage =
            random.nextInt(5) == 0
                ? raw(text.getBytes(StandardCharsets.UTF_8), random)
                : json(text, random);
        write(name, damage.bytes);
        return folder.getFileName() + "/" + name + ": " + damage.what;
      }
      String name = weights.get(random.nextInt(weights.size()));
      Damage damage = weights(file(name), random);
      write(name, damage.bytes);
      return folder.getFileName() + "/" + name + ": " + damage.what;
    }
  }

  private static final class Damage {
    final String what;
    final byte[] bytes;

    Damage(String what, byte[] bytes) {
      this.what = what;
      this.bytes = bytes;
    }

    Damage(String what, String text) {
      this(what, text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /// Bytes changed with no eye to what they mean.
  private static Damage raw(byte[] bytes, SplittableRandom random) {
    int at = random.nextInt(bytes.length);
    return switch (random.nextInt(4)) {
      case 0 -> {
        bytes[at] ^= (byte) (1 << random.nextInt(8));
        yield new Damage("flipped a bit of byte " + at, bytes);
      }
      case 1 -> {
        bytes[at] = (byte) random.nextInt(256);
        yield new Damage("byte " + at + " set", bytes);
      }
      case 2 -> new Damage("cut at " + at, Arrays.copyOf(bytes, at));
      default ->
          new Damage("appended", Arrays.copyOf(bytes, bytes.length + 1 + random.nextInt(5000)));
    };
  }

  /// One value anywhere in a JSON text replaced, removed, renamed or doubled. What Jackson can't
  /// write, such as NaN and numbers of 2000 digits, is put in as text.
  private static Damage json(String text, SplittableRandom random) throws IOException {
    JsonNode root = MAPPER.readTree(text);
    List<ObjectNode> objects = new ArrayList<>();
    List<ArrayNode> arrays = new ArrayList<>();
    containers(root, objects, arrays);
    String mark = "@@damage@@";
    String value = JSON_VALUES.get(random.nextInt(JSON_VALUES.size()));
    if (!arrays.isEmpty() && random.nextInt(4) == 0) {
      ArrayNode array = arrays.get(random.nextInt(arrays.size()));
      if (array.isEmpty() || random.nextBoolean()) {
        array.add(mark);
      } else {
        array.set(random.nextInt(array.size()), mark);
      }
      return new Damage(
          "list element " + value,
          MAPPER.writeValueAsString(root).replace("\"" + mark + "\"", value));
    }
    ObjectNode object = objects.get(random.nextInt(objects.size()));
    List<String> keys = object.propertyStream().map(Map.Entry::getKey).toList();
    if (keys.isEmpty()) {
      object.put("added", mark);
      return new Damage(
          "added " + value, MAPPER.writeValueAsString(root).replace("\"" + mark + "\"", value));
    }
    String key = keys.get(random.nextInt(keys.size()));
    return switch (random.nextInt(6)) {
      case 0 -> {
        object.remove(key);
        yield new Damage("removed " + key, MAPPER.writeValueAsString(root));
      }
      case 1 -> {
        JsonNode moved = object.remove(key);
        object.set(key + "x", moved);
        yield new Damage("renamed " + key, MAPPER.writeValueAsString(root));
      }
      case 2 -> {
        object.put(mark, 0);
        yield new Damage(
            "doubled " + key, MAPPER.writeValueAsString(root).replace(mark, key.replace("\"", "")));
      }
      case 3 -> {
        JsonNode old = object.get(key);
        if (old.isIntegralNumber()) {
          long near = old.longValue() + random.nextInt(-4, 5);
          object.put(key, near);
          yield new Damage(key + " = " + near, MAPPER.writeValueAsString(root));
        }
        String other = keys.get(random.nextInt(keys.size()));
        object.set(key, object.get(other));
        object.set(other, old);
        yield new Damage("swapped " + key + " and " + other, MAPPER.writeValueAsString(root));
      }
      default -> {
        object.put(key, mark);
        yield new Damage(
            key + " = " + value,
            MAPPER.writeValueAsString(root).replace("\"" + mark + "\"", value));
      }
    };
  }

  private static void containers(JsonNode node, List<ObjectNode> objects, List<ArrayNode> arrays) {
    if (node instanceof ObjectNode object) {
      objects.add(object);
    } else if (node instanceof ArrayNode array) {
      arrays.add(array);
    }
    node.forEach(child -> containers(child, objects, arrays));
  }

  /// A safetensors file whose header still parses but says something else, or whose data does.
  private static Damage weights(byte[] file, SplittableRandom random) throws IOException {
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String text = new String(file, 8, length, StandardCharsets.UTF_8);
    byte[] data = Arrays.copyOfRange(file, 8 + length, file.length);
    ObjectNode header = (ObjectNode) MAPPER.readTree(text);
    List<String> names =
        header
            .propertyStream()
            .map(Map.Entry::getKey)
            .filter(name -> !name.equals("__metadata__"))
            .toList();
    String name = names.get(random.nextInt(names.size()));
    ObjectNode tensor = (ObjectNode) header.get(name);
    ArrayNode shape = (ArrayNode) tensor.get("shape");
    ArrayNode offsets = (ArrayNode) tensor.get("data_offsets");
    return switch (random.nextInt(12)) {
      case 0 -> raw(file, random);
      case 1 -> {
        // Around the header's end, and wild.
        long wrong = random.nextBoolean() ? length + random.nextLong(-20, 21) : random.nextLong();
        ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(0, wrong);
        yield new Damage("header length " + wrong, file);
      }
      case 2, 3 -> {
        Damage damage = json(text, random);
        yield new Damage("header: " + damage.what, SafetensorsFile.bytes(damage.bytes, data));
      }
      case 4 -> {
        // Same number of elements: the layout stays right.
        String old = shape.toString();
        if (shape.size() == 2) {
          JsonNode first = shape.get(0);
          shape.set(0, shape.get(1));
          shape.set(1, first);
        } else {
          shape.insert(0, 1);
        }
        yield rebuilt(name + " shape " + old + " to " + shape, header, data);
      }
      case 5 -> {
        int at = random.nextInt(shape.size());
        shape.set(at, MAPPER.getNodeFactory().numberNode(wild(shape.get(at).longValue(), random)));
        yield rebuilt(name + " shape " + shape, header, data);
      }
      case 6 -> {
        int at = random.nextInt(2);
        offsets.set(
            at, MAPPER.getNodeFactory().numberNode(wild(offsets.get(at).longValue(), random)));
        yield rebuilt(name + " offsets " + offsets, header, data);
      }
      case 7 -> {
        ObjectNode other = (ObjectNode) header.get(names.get(random.nextInt(names.size())));
        tensor.set("data_offsets", other.get("data_offsets"));
        yield rebuilt(name + " has another's bytes", header, data);
      }
      case 8 -> {
        // Another dtype of the same width: the layout stays right.
        String old = tensor.get("dtype").textValue();
        List<String> same =
            old.equals("F32") ? List.of("I32", "U32") : List.of("I16", "U16", "BF16", "F16");
        tensor.put("dtype", same.get(random.nextInt(same.size())));
        yield rebuilt(name + " dtype " + tensor.get("dtype"), header, data);
      }
      case 9 -> {
        long begin = offsets.get(0).longValue();
        int bytes = tensor.get("dtype").textValue().equals("F32") ? 4 : 2;
        int elements = (int) ((offsets.get(1).longValue() - begin) / bytes);
        int at = (int) begin + bytes * random.nextInt(elements);
        data[at + bytes - 1] = (byte) (random.nextBoolean() ? 0x7F : 0xFF);
        data[at + bytes - 2] = (byte) 0xC0;
        yield rebuilt(name + " NaN at byte " + at, header, data);
      }
      case 10 -> {
        // Removed with its bytes: the layout stays right.
        header.remove(name);
        long begin = offsets.get(0).longValue();
        long end = offsets.get(1).longValue();
        byte[] rest = new byte[data.length - (int) (end - begin)];
        System.arraycopy(data, 0, rest, 0, (int) begin);
        System.arraycopy(data, (int) end, rest, (int) begin, data.length - (int) end);
        for (JsonNode entry : header) {
          if (entry.get("data_offsets") instanceof ArrayNode moved
              && moved.get(0).longValue() >= end) {
            for (int i = 0; i < 2; i++) {
              moved.set(
                  i, MAPPER.getNodeFactory().numberNode(moved.get(i).longValue() - (end - begin)));
            }
          }
        }
        yield rebuilt("without " + name, header, rest);
      }
      default -> {
        // A surplus tensor of its own bytes, or of none.
        int bytes = 8 * random.nextInt(4);
        ObjectNode surplus = header.putObject("surplus." + random.nextInt(10));
        surplus.put("dtype", "I64").putArray("shape").add(bytes / 8);
        surplus.putArray("data_offsets").add(data.length).add(data.length + bytes);
        yield rebuilt("surplus", header, Arrays.copyOf(data, data.length + bytes));
      }
    };
  }

  private static long wild(long value, SplittableRandom random) {
    return switch (random.nextInt(5)) {
      case 0 -> value + random.nextInt(-8, 9);
      case 1 -> value * 2;
      case 2 -> random.nextLong();
      case 3 -> Long.MAX_VALUE - random.nextInt(8);
      default -> random.nextInt(3);
    };
  }

  private static Damage rebuilt(String what, ObjectNode header, byte[] data) throws IOException {
    return new Damage(what, SafetensorsFile.bytes(MAPPER.writeValueAsBytes(header), data));
  }
}
