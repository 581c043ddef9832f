package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// The weights of one model, from one safetensors file or from shards with their index. Gives
/// tensors by name, checked for dtype, shape and finite numbers, and remembers which were asked
/// for. One thread at a time.
public final class Checkpoint implements AutoCloseable {
  static final String SINGLE = "model.safetensors";
  static final String INDEX = "model.safetensors.index.json";

  /// The largest models published have some hundred.
  private static final int MAX_SHARDS = 1024;

  /// A plain name in the same folder: no separator, no "..", nothing hidden.
  private static final Pattern SHARD_NAME =
      Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\\.safetensors");

  private final Path source;
  private final List<Safetensors> shards;
  private final Map<String, Safetensors> shardOf;
  private final Set<String> read = new HashSet<>();

  private Checkpoint(Path source, List<Safetensors> shards, Map<String, Safetensors> shardOf) {
    this.source = source;
    this.shards = shards;
    this.shardOf = shardOf;
  }

  /// Opens the weights in `folder`: `model.safetensors` or, as Hugging Face does, only where that
  /// is missing the shards that `model.safetensors.index.json` lists.
  ///
  /// @throws CheckpointException if there are none, or they break a rule
  public static Checkpoint open(Path folder) {
    Path single = folder.resolve(SINGLE);
    if (Files.exists(single)) {
      Safetensors file = Safetensors.open(single);
      Map<String, Safetensors> shardOf = new LinkedHashMap<>();
      file.names().forEach(name -> shardOf.put(name, file));
      return new Checkpoint(single, List.of(file), shardOf);
    }
    Path index = folder.resolve(INDEX);
    if (Files.exists(index)) {
      return openSharded(folder, index);
    }
    throw ForeignFormat.weightsIn(folder)
        .map(found ->
            new CheckpointException(
                Problem.WRONG_FORMAT,
                folder,
                "holds its weights only as %s; %s".formatted(found, ForeignFormat.CONVERT)))
        .orElseGet(() ->
            new CheckpointException(
                Problem.MISSING_FILE,
                folder,
                "holds no weights; looked for " + SINGLE + " and " + INDEX));
  }

  /// All tensors' names, sorted.
  public Set<String> names() {
    return Collections.unmodifiableSet(new TreeSet<>(shardOf.keySet()));
  }

  /// Whether there is a tensor of that name.
  public boolean contains(String name) {
    return shardOf.containsKey(name);
  }

  /// A weight of two dimensions, as (out, in).
  ///
  /// @throws CheckpointException if it is missing, has another shape, isn't F32, F16 or BF16, or
  ///   isn't finite throughout
  public HostTensor matrix(String name, int rows, int columns) {
    return tensor(name, List.of((long) rows, (long) columns), rows, columns);
  }

  /// A weight of one dimension, as (1, length).
  ///
  /// @throws CheckpointException if it is missing, has another shape, isn't F32, F16 or BF16, or
  ///   isn't finite throughout
  public HostTensor vector(String name, int length) {
    return tensor(name, List.of((long) length), 1, length);
  }

  /// The names of the tensors that nobody has asked for, sorted: after a model is loaded, the
  /// surplus ones.
  public List<String> unread() {
    return shardOf.keySet().stream().filter(name -> !read.contains(name)).sorted().toList();
  }

  /// How many numbers the tensors have that were read, each tensor counted once.
  public long parameters() {
    long sum = 0;
    for (String name : read) {
      Safetensors shard = shardOf.get(name);
      if (shard != null) {
        long product = 1;
        for (long size : shard.tensor(name).shape()) {
          product *= size;
        }
        sum += product;
      }
    }
    return sum;
  }

  /// Unmaps the files: every tensor that was given is dead afterwards.
  @Override
  public void close() {
    shards.forEach(Safetensors::close);
  }

  private HostTensor tensor(String name, List<Long> shape, int rows, int columns) {
    Safetensors shard = shardOf.get(name);
    if (shard == null) {
      throw new CheckpointException(
          Problem.MISSING_TENSOR,
          source,
          "tensor %s is missing; expected one of shape %s%s"
              .formatted(Quoted.of(name), shape, near(name)));
    }
    StoredTensor stored = shard.tensor(name);
    DType type =
        stored
            .type()
            .weight()
            .orElseThrow(() ->
                new CheckpointException(
                    Problem.WRONG_DTYPE,
                    shard.file(),
                    "tensor %s: expected dtype F32, F16 or BF16, found %s"
                        .formatted(Quoted.of(name), stored.type())));
    if (!stored.shape().equals(shape)) {
      throw new CheckpointException(
          Problem.WRONG_SHAPE,
          shard.file(),
          "tensor %s: expected shape %s as config.json has it, found %s"
              .formatted(Quoted.of(name), shape, stored.shape()));
    }
    // What was read before was looked through then.
    long bad = read.contains(name) ? -1 : Finite.firstNotFinite(stored.data(), type);
    if (bad >= 0) {
      throw new CheckpointException(
          Problem.NOT_FINITE,
          shard.file(),
          "tensor %s: number %d of %s is %s; expected finite numbers only"
              .formatted(Quoted.of(name), bad, shape, Stored.at(stored.data(), bad, type)));
    }
    read.add(name);
    return new HostTensor(stored.data(), type, rows, columns);
  }

  /// Names that differ by a prefix only: the usual way to miss a tensor that is there.
  private String near(String name) {
    List<String> near =
        shardOf.keySet().stream()
            .filter(other -> other.endsWith("." + name) || name.endsWith("." + other))
            .sorted()
            .toList();
    return near.isEmpty() ? "" : "; found " + Quoted.list(near);
  }

  private static Checkpoint openSharded(Path folder, Path index) {
    Map<String, String> weightMap = weightMap(index);
    Map<String, Safetensors> byFile = new LinkedHashMap<>();
    try {
      for (String file : new TreeSet<>(weightMap.values())) {
        Path shard = folder.resolve(file);
        if (!Files.exists(shard)) {
          throw new CheckpointException(
              Problem.MISSING_FILE, shard, "does not exist, but " + INDEX + " lists it as a shard");
        }
        byFile.put(file, Safetensors.open(shard));
      }
      return new Checkpoint(index, List.copyOf(byFile.values()), assign(index, weightMap, byFile));
    } catch (RuntimeException | Error e) {
      byFile.values().forEach(Safetensors::close);
      throw e;
    }
  }

  private static Map<String, String> weightMap(Path index) {
    JsonNode map = Json.read(index, Problem.BAD_INDEX).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw bad(index, "expected an object weight_map, tensor name to file, with an entry");
    }
    Map<String, String> weightMap = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : map.properties()) {
      String tensor = Quoted.of(entry.getKey());
      JsonNode file = entry.getValue();
      if (!file.isTextual()) {
        throw bad(
            index,
            "weight_map of %s: expected a file name, found %s"
                .formatted(tensor, Json.describe(file)));
      }
      if (!SHARD_NAME.matcher(file.textValue()).matches()) {
        throw bad(
            index,
            "weight_map of %s: %s is refused; a shard is a plain file name in the same folder that ends in .safetensors"
                .formatted(tensor, Quoted.of(file.textValue())));
      }
      weightMap.put(entry.getKey(), file.textValue());
    }
    long files = weightMap.values().stream().distinct().count();
    if (files > MAX_SHARDS) {
      throw bad(index, "lists " + files + " shards; the limit is " + MAX_SHARDS);
    }
    return weightMap;
  }

  /// Which shard each tensor is read from, once index and shards are known to agree.
  private static Map<String, Safetensors> assign(
      Path index, Map<String, String> weightMap, Map<String, Safetensors> byFile) {
    Map<String, Safetensors> shardOf = new LinkedHashMap<>();
    byFile.forEach((file, shard) -> {
      for (String name : shard.names()) {
        Safetensors other = shardOf.putIfAbsent(name, shard);
        if (other != null) {
          throw bad(
              index,
              "tensor %s is in two shards, %s and %s"
                  .formatted(Quoted.of(name), other.file().getFileName(), file));
        }
        String listed = weightMap.get(name);
        if (!file.equals(listed)) {
          throw bad(
              index,
              "tensor %s is in shard %s, but weight_map %s"
                  .formatted(
                      Quoted.of(name),
                      file,
                      listed == null ? "does not list it" : "says " + listed));
        }
      }
    });
    List<String> absent = new ArrayList<>(new TreeSet<>(weightMap.keySet()));
    absent.removeAll(shardOf.keySet());
    if (!absent.isEmpty()) {
      throw bad(
          index,
          "weight_map lists %s in %s, which holds no such tensor"
              .formatted(Quoted.list(absent), weightMap.get(absent.getFirst())));
    }
    return shardOf;
  }

  private static CheckpointException bad(Path index, String what) {
    return new CheckpointException(Problem.BAD_INDEX, index, what);
  }
}
