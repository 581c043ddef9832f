package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.Readout;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/// How sentence-transformers makes one vector of a text, from `modules.json` and the files that it
/// names: what an embedding is by default for such a folder.
///
/// @param poolings the poolings whose results are concatenated, in order; at least one
/// @param dense the layers that the pooled vector then goes through
/// @param normalize whether the vector is at last scaled to length 1
/// @param maxTokens the limit on a text's length in tokens, if the folder has one
/// @param prompts texts put before an input, by name
/// @param defaultPrompt the name of the prompt that is used when none is asked for
/// @param unsupported what of the chain Coffey does not run: unless this is empty, the folder's own
///   embedding can't be computed
public record SentenceConfig(
    List<Pooling> poolings,
    List<SentenceDense> dense,
    boolean normalize,
    OptionalInt maxTokens,
    Map<String, String> prompts,
    Optional<String> defaultPrompt,
    List<String> unsupported) {

  private static final String MODULES = "modules.json";

  /// The names of version 6, in the order in which versions 2 to 5 concatenate.
  private static final Map<String, Pooling> MODES = modes();

  /// The flags of versions 2 to 5 and the modes that they stand for, in the same order.
  private static final Map<String, Pooling> FLAGS = flags();

  public SentenceConfig {
    poolings = List.copyOf(poolings);
    dense = List.copyOf(dense);
    prompts = Map.copyOf(prompts);
    unsupported = List.copyOf(unsupported);
  }

  /// The vector that the folder makes of a text.
  public Readout.Pooled readout() {
    return new Readout.Pooled(poolings, !dense.isEmpty(), normalize);
  }

  /// What the folder says; empty if it has no `modules.json`, so is no sentence-transformers model.
  static Optional<SentenceConfig> in(Path folder) {
    Path file = folder.resolve(MODULES);
    return Files.isRegularFile(file) ? Optional.of(read(folder, file)) : Optional.empty();
  }

  private static SentenceConfig read(Path folder, Path file) {
    JsonNode modules = Json.read(file, Problem.BAD_CONFIG);
    if (!modules.isArray()) {
      throw bad(file, "expected a list of modules, found " + Json.describe(modules));
    }
    List<Pooling> poolings = List.of();
    List<SentenceDense> dense = new ArrayList<>();
    boolean includePrompt = true;
    boolean normalize = false;
    List<String> unsupported = new ArrayList<>();
    for (JsonNode module : modules) {
      JsonNode type = module.path("type");
      if (!type.isTextual()) {
        throw bad(file, "expected a string type in each module, found " + Json.describe(type));
      }
      String kind = type.textValue().substring(type.textValue().lastIndexOf('.') + 1);
      switch (kind) {
        case "Transformer", "Dropout" -> {}
        case "Pooling" -> {
          if (!poolings.isEmpty()) {
            unsupported.add("a second Pooling");
          }
          Path config = moduleFolder(folder, file, module, kind).resolve(ConfigReader.FILE);
          JsonFields fields = JsonFields.read(config);
          poolings = poolings(fields);
          includePrompt = fields.flag("include_prompt", true);
          fields.check();
        }
        case "Dense" -> {
          if (normalize || poolings.isEmpty()) {
            unsupported.add(normalize ? "Dense after Normalize" : "Dense before Pooling");
          }
          switch (SentenceDense.read(moduleFolder(folder, file, module, kind))) {
            case SentenceDense.Read.Layer(SentenceDense layer) -> dense.add(layer);
            case SentenceDense.Read.Unsupported(String what) -> unsupported.add(what);
          }
        }
        case "Normalize" -> normalize = true;
        default -> unsupported.add(kind);
      }
    }
    if (poolings.isEmpty()) {
      // A chain without Pooling gives no vector of its own; sentence-transformers adds mean pooling
      // to a bare model.
      poolings = List.of(Pooling.MEAN);
    }
    Prompts prompts = Prompts.in(folder);
    if (!includePrompt && prompts.byName.values().stream().anyMatch(text -> !text.isEmpty())) {
      unsupported.add("Pooling with include_prompt false");
    }
    return new SentenceConfig(
        poolings,
        dense,
        normalize,
        maxTokens(folder),
        prompts.byName,
        prompts.byDefault,
        unsupported);
  }

  private static OptionalInt maxTokens(Path folder) {
    Path limits = folder.resolve("sentence_bert_config.json");
    if (!Files.isRegularFile(limits)) {
      return OptionalInt.empty();
    }
    JsonFields fields = JsonFields.read(limits);
    OptionalInt maxTokens =
        fields.value("max_seq_length").isPresent()
            ? OptionalInt.of(fields.integer("max_seq_length", 1, 1, Integer.MAX_VALUE))
            : OptionalInt.empty();
    fields.check();
    return maxTokens;
  }

  /// The prompts of `config_sentence_transformers.json`.
  private record Prompts(Map<String, String> byName, Optional<String> byDefault) {
    static Prompts in(Path folder) {
      Map<String, String> prompts = new LinkedHashMap<>();
      Path general = folder.resolve("config_sentence_transformers.json");
      if (!Files.isRegularFile(general)) {
        return new Prompts(prompts, Optional.empty());
      }
      JsonFields fields = JsonFields.read(general);
      prompts(fields, prompts);
      Optional<String> byDefault = fields.text("default_prompt_name");
      if (byDefault.isPresent() && !prompts.containsKey(byDefault.get())) {
        fields.problem(
            "default_prompt_name: %s is none of the prompts (%s)"
                .formatted(Quoted.of(byDefault.get()), Quoted.list(prompts.keySet())));
      }
      fields.check();
      return new Prompts(prompts, byDefault);
    }
  }

  private static void prompts(JsonFields fields, Map<String, String> prompts) {
    fields
        .value("prompts")
        .ifPresent(node -> {
          if (!node.isObject()) {
            fields.wrong("prompts", "an object of strings", node);
          }
          for (Map.Entry<String, JsonNode> prompt : node.properties()) {
            if (prompt.getValue().isTextual()) {
              prompts.put(prompt.getKey(), prompt.getValue().textValue());
            } else {
              fields.wrong("prompts." + Quoted.of(prompt.getKey()), "a string", prompt.getValue());
            }
          }
        });
  }

  private static List<Pooling> poolings(JsonFields fields) {
    Optional<JsonNode> mode = fields.value("pooling_mode");
    List<Pooling> poolings = new ArrayList<>();
    if (mode.isEmpty()) {
      FLAGS.forEach((flag, pooling) -> {
        if (fields.flag(flag, false)) {
          poolings.add(pooling);
        }
      });
      return poolings.isEmpty() ? List.of(Pooling.MEAN) : poolings;
    }
    List<String> names =
        mode.get().isTextual() ? List.of(mode.get().textValue()) : fields.texts("pooling_mode");
    for (String name : names) {
      Pooling pooling = MODES.get(name);
      if (pooling == null) {
        fields.problem(
            "pooling_mode: %s is not known; known: %s"
                .formatted(Quoted.of(name), String.join(", ", MODES.keySet())));
      } else {
        poolings.add(pooling);
      }
    }
    if (names.isEmpty()) {
      fields.wrong("pooling_mode", "a name or a list of names", mode.get());
    }
    return poolings;
  }

  /// The folder of a module, which must lie directly within the model's.
  private static Path moduleFolder(Path folder, Path file, JsonNode module, String kind) {
    JsonNode path = module.path("path");
    if (path.isTextual() && path.textValue().matches("[A-Za-z0-9_][A-Za-z0-9_.-]*")) {
      try {
        return folder.resolve(path.textValue());
      } catch (InvalidPathException e) {
        throw new CheckpointException(
            Problem.BAD_CONFIG, file, "path " + Quoted.of(path.textValue()) + " is invalid", e);
      }
    }
    throw bad(
        file,
        "expected the path of the %s module to be the name of a folder within the model's, found %s"
            .formatted(kind, Json.describe(path)));
  }

  private static CheckpointException bad(Path file, String what) {
    return new CheckpointException(Problem.BAD_CONFIG, file, what);
  }

  private static Map<String, Pooling> modes() {
    Map<String, Pooling> modes = new LinkedHashMap<>();
    modes.put("cls", Pooling.CLS);
    modes.put("max", Pooling.MAX);
    modes.put("mean", Pooling.MEAN);
    modes.put("mean_sqrt_len_tokens", Pooling.MEAN_SQRT_LEN);
    modes.put("weightedmean", Pooling.WEIGHTED_MEAN);
    modes.put("lasttoken", Pooling.LAST_TOKEN);
    return modes;
  }

  private static Map<String, Pooling> flags() {
    Map<String, Pooling> flags = new LinkedHashMap<>();
    flags.put("pooling_mode_cls_token", Pooling.CLS);
    flags.put("pooling_mode_max_tokens", Pooling.MAX);
    flags.put("pooling_mode_mean_tokens", Pooling.MEAN);
    flags.put("pooling_mode_mean_sqrt_len_tokens", Pooling.MEAN_SQRT_LEN);
    flags.put("pooling_mode_weightedmean_tokens", Pooling.WEIGHTED_MEAN);
    flags.put("pooling_mode_lasttoken", Pooling.LAST_TOKEN);
    return flags;
  }
}
