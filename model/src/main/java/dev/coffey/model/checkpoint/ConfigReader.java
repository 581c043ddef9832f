package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.kernels.Activation;
import dev.coffey.model.Family;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.ProblemType;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;

/// Reads `config.json`. A key that is absent means what Hugging Face's config class of the family
/// has as its default; what is there must make sense.
final class ConfigReader {
  static final String FILE = "config.json";

  // Far beyond any encoder (the widest has 4096 columns, the deepest 48 layers), near enough that a
  // damaged number is caught here and not as a strange shape.
  private static final int MAX_WIDTH = 65_536;
  private static final int MAX_LAYERS = 1_000;
  private static final int MAX_POSITIONS = 1 << 20;
  private static final int MAX_VOCABULARY = 1 << 24;
  private static final int MAX_LABELS = 65_536;
  private static final int MAX_TOKEN_TYPES = 65_536;

  /// What the attention kernels take.
  private static final int MAX_HEAD_SIZE = 128;

  /// DistilBERT's code has it as a constant; the config has no key for it.
  private static final float DISTILBERT_EPSILON = 1e-12f;

  private static final Map<String, Activation> ACTIVATIONS = activations();

  private final Path file;
  private final JsonFields fields;

  private ConfigReader(Path file) {
    this.file = file;
    this.fields = JsonFields.read(file);
  }

  static ModelConfig read(Path folder) {
    return new ConfigReader(folder.resolve(FILE)).read();
  }

  private ModelConfig read() {
    List<String> architectures = fields.texts("architectures");
    ModelConfig config =
        switch (modelType(architectures)) {
          case DISTILBERT -> distilBert(architectures);
          case BERT -> bert(architectures);
          case ALBERT -> albert(architectures);
          case MOBILEBERT -> mobileBert(architectures);
        };
    fields.check();
    return config;
  }

  private ModelConfig distilBert(List<String> architectures) {
    int dim = aliased("dim", "hidden_size", 768, 1, MAX_WIDTH);
    int heads = aliased("n_heads", "num_attention_heads", 12, 1, MAX_WIDTH);
    int layers = aliased("n_layers", "num_hidden_layers", 6, 0, MAX_LAYERS);
    int hiddenDim = fields.integer("hidden_dim", 4 * 768, 1, 4 * MAX_WIDTH);
    checkHeads("dim", dim, "n_heads", heads);
    return config(
        new Family.DistilBert(fields.flag("sinusoidal_pos_embds", false)),
        architectures,
        new Sizes(dim, hiddenDim, layers, heads, vocabulary(30_522), 0),
        activation("activation", "gelu"),
        DISTILBERT_EPSILON);
  }

  private ModelConfig bert(List<String> architectures) {
    Sizes sizes = sizes(768, 3072, 12, 12, 30_522);
    checkHeads("hidden_size", sizes.dim, "num_attention_heads", sizes.heads);
    return config(
        new Family.Bert(), architectures, sizes, activation("hidden_act", "gelu"), epsilon());
  }

  private ModelConfig albert(List<String> architectures) {
    Sizes sizes = sizes(4096, 16_384, 12, 64, 30_000);
    checkHeads("hidden_size", sizes.dim, "num_attention_heads", sizes.heads);
    return config(
        new Family.Albert(
            fields.integer("embedding_size", 128, 1, MAX_WIDTH),
            fields.integer("num_hidden_groups", 1, 1, MAX_LAYERS),
            fields.integer("inner_group_num", 1, 1, MAX_LAYERS)),
        architectures,
        sizes,
        activation("hidden_act", "gelu_new"),
        epsilon());
  }

  private ModelConfig mobileBert(List<String> architectures) {
    Sizes sizes = sizes(512, 512, 24, 4, 30_522);
    int embeddingSize = fields.integer("embedding_size", 128, 1, MAX_WIDTH);
    if (embeddingSize > sizes.dim) {
      fields.problem(
          "embedding_size: %d is more than hidden_size (%d)".formatted(embeddingSize, sizes.dim));
    }
    boolean bottleneck = fields.flag("use_bottleneck", true);
    int narrow = fields.integer("intra_bottleneck_size", 128, 1, MAX_WIDTH);
    int width = bottleneck ? narrow : sizes.dim;
    checkHeads(
        bottleneck ? "intra_bottleneck_size" : "hidden_size",
        width,
        "num_attention_heads",
        sizes.heads);
    int trueWidth = fields.integer("true_hidden_size", width, 1, MAX_WIDTH);
    if (trueWidth != width) {
      fields.problem(
          "true_hidden_size: %d, but the other keys make it %d".formatted(trueWidth, width));
    }
    Optional<String> normalization = fields.text("normalization_type");
    if (!List.of("no_norm", "layer_norm").contains(normalization.orElse("no_norm"))) {
      fields.problem(
          "normalization_type: expected no_norm or layer_norm, found "
              + Quoted.of(normalization.get()));
    }
    return config(
        new Family.MobileBert(
            embeddingSize,
            width,
            fields.flag("trigram_input", true),
            bottleneck,
            mobileBertAttention(bottleneck, width, sizes.dim),
            fields.integer("num_feedforward_networks", 4, 1, MAX_LAYERS),
            normalization.equals(Optional.of("layer_norm")),
            fields.flag("classifier_activation", true)),
        architectures,
        sizes,
        activation("hidden_act", "relu"),
        epsilon());
  }

  private Family.MobileBert.Attention mobileBertAttention(
      boolean bottleneck, int width, int hidden) {
    boolean ofBottleneck = fields.flag("use_bottleneck_attention", false);
    boolean shared = fields.flag("key_query_shared_bottleneck", true);
    if (!bottleneck) {
      return Family.MobileBert.Attention.STATES;
    }
    if (ofBottleneck) {
      return Family.MobileBert.Attention.BOTTLENECK;
    }
    if (shared) {
      return Family.MobileBert.Attention.SHARED;
    }
    if (width != hidden) {
      fields.problem(
          "key_query_shared_bottleneck: false lets queries read states %d wide (hidden_size) with weights for %d (intra_bottleneck_size); expected the same"
              .formatted(hidden, width));
    }
    return Family.MobileBert.Attention.STATES;
  }

  private Sizes sizes(int dim, int hiddenDim, int layers, int heads, int vocabulary) {
    return new Sizes(
        fields.integer("hidden_size", dim, 1, MAX_WIDTH),
        fields.integer("intermediate_size", hiddenDim, 1, 4 * MAX_WIDTH),
        fields.integer("num_hidden_layers", layers, 0, MAX_LAYERS),
        fields.integer("num_attention_heads", heads, 1, MAX_WIDTH),
        vocabulary(vocabulary),
        fields.integer("type_vocab_size", 2, 1, MAX_TOKEN_TYPES));
  }

  private float epsilon() {
    return fields.fraction("layer_norm_eps", 1e-12f);
  }

  /// What the families name or preset each in their own way.
  private record Sizes(
      int dim, int hiddenDim, int layers, int heads, int vocabulary, int tokenTypes) {}

  private ModelConfig config(
      Family family,
      List<String> architectures,
      Sizes sizes,
      Activation activation,
      float epsilon) {
    refuse("quantization_config", "quantized weights");
    refuse("pruned_heads", "pruned heads");
    refuseUnless("position_embedding_type", "absolute");
    for (String decoding : List.of("is_decoder", "add_cross_attention", "is_encoder_decoder")) {
      if (fields.flag(decoding, false)) {
        fields.problem(decoding + ": true makes a decoder; Coffey runs encoders only");
      }
    }
    return new ModelConfig(
        family,
        architectures,
        sizes.dim,
        sizes.hiddenDim,
        sizes.layers,
        sizes.heads,
        fields.integer("max_position_embeddings", 512, 1, MAX_POSITIONS),
        sizes.vocabulary,
        sizes.tokenTypes,
        activation,
        fields.flag("tie_word_embeddings", true),
        padTokenId(sizes.vocabulary),
        problemType(),
        labels(),
        epsilon);
  }

  private ModelType modelType(List<String> architectures) {
    Optional<String> type = fields.text("model_type");
    if (type.isPresent()) {
      return ModelType.named(type.get())
          .orElseThrow(() ->
              new CheckpointException(
                  Problem.UNSUPPORTED,
                  file,
                  "model_type: %s is not supported; known: %s"
                      .formatted(Quoted.of(type.get()), ModelType.known())));
    }
    fields.check();
    return architectures.stream()
        .flatMap(name -> ModelType.ofClass(name).stream())
        .findFirst()
        .orElseThrow(() ->
            new CheckpointException(
                Problem.BAD_CONFIG,
                file,
                "model_type: is missing, and architectures does not tell it; known: "
                    + ModelType.known()));
  }

  private int vocabulary(int absent) {
    return fields.integer("vocab_size", absent, 1, MAX_VOCABULARY);
  }

  private void checkHeads(String widthKey, int width, String headsKey, int heads) {
    if (width % heads != 0) {
      fields.problem(
          "%s: expected a multiple of %s (%d), found %d"
              .formatted(widthKey, headsKey, heads, width));
    } else if (width / heads > MAX_HEAD_SIZE) {
      fields.problem(
          "%s: %d for %s %d makes heads %d wide; Coffey runs heads up to %d wide"
              .formatted(widthKey, width, headsKey, heads, width / heads, MAX_HEAD_SIZE));
    }
  }

  /// DistilBERT's own name of a key, or the name that Hugging Face maps to it.
  private int aliased(String key, String alias, int absent, int least, int most) {
    boolean byAlias = fields.value(key).isEmpty() && fields.value(alias).isPresent();
    return fields.integer(byAlias ? alias : key, absent, least, most);
  }

  private Activation activation(String key, String absent) {
    String name = fields.text(key).orElse(absent);
    Activation activation = ACTIVATIONS.get(name);
    if (activation == null) {
      fields.problem(
          "%s: %s is not supported; known: %s"
              .formatted(key, Quoted.of(name), String.join(", ", ACTIVATIONS.keySet())));
      return Activation.GELU_ERF;
    }
    return activation;
  }

  private OptionalInt padTokenId(int vocabSize) {
    Optional<JsonNode> node = fields.value("pad_token_id");
    if (node.isEmpty()) {
      // Absent is Hugging Face's default, 0; null is a model that has none.
      return fields.has("pad_token_id") ? OptionalInt.empty() : OptionalInt.of(0);
    }
    return OptionalInt.of(fields.integer("pad_token_id", 0, 0, vocabSize - 1));
  }

  private Optional<ProblemType> problemType() {
    Optional<String> name = fields.text("problem_type");
    if (name.isEmpty()) {
      return Optional.empty();
    }
    for (ProblemType type : ProblemType.values()) {
      if (type.name().toLowerCase(Locale.ROOT).equals(name.get())) {
        return Optional.of(type);
      }
    }
    fields.problem(
        "problem_type: expected single_label_classification, multi_label_classification or regression, found "
            + Quoted.of(name.get()));
    return Optional.empty();
  }

  private List<String> labels() {
    Optional<JsonNode> names = fields.value("id2label");
    boolean counted = fields.value("num_labels").isPresent();
    int count = counted ? fields.integer("num_labels", 2, 1, MAX_LABELS) : 2;
    if (names.isEmpty()) {
      List<String> labels = new ArrayList<>();
      for (int id = 0; id < count; id++) {
        labels.add("LABEL_" + id);
      }
      return labels;
    }
    List<String> labels = labels(names.get());
    if (counted && !labels.isEmpty() && labels.size() != count) {
      fields.problem(
          "num_labels: %d, but id2label names %d labels".formatted(count, labels.size()));
    }
    return labels;
  }

  /// Ids may come in any order, as strings; they must be 0, 1, 2 … since they are rows of the
  /// classifier.
  private List<String> labels(JsonNode names) {
    if (!names.isObject() || names.isEmpty() || names.size() > MAX_LABELS) {
      fields.wrong("id2label", "an object of 1 to " + MAX_LABELS + " labels", names);
      return List.of();
    }
    TreeMap<Integer, String> byId = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : names.properties()) {
      String id = entry.getKey();
      JsonNode label = entry.getValue();
      if (!id.matches("0|[1-9][0-9]{0,8}")) {
        fields.problem("id2label: expected ids 0, 1, 2 …, found " + Quoted.of(id));
        return List.of();
      }
      // Some configs name their labels by number.
      if (!label.isTextual() && !label.isIntegralNumber()) {
        fields.wrong("id2label." + id, "a string", label);
        return List.of();
      }
      byId.put(Integer.valueOf(id), label.asText());
    }
    if (byId.lastKey() != byId.size() - 1) {
      int missing = 0;
      while (byId.containsKey(missing)) {
        missing++;
      }
      fields.problem(
          "id2label: %d labels up to id %d, but id %d is missing"
              .formatted(byId.size(), byId.lastKey(), missing));
      return List.of();
    }
    return List.copyOf(byId.values());
  }

  private void refuse(String key, String what) {
    Optional<JsonNode> node = fields.value(key);
    if (node.isPresent() && !(node.get().isContainerNode() && node.get().isEmpty())) {
      fields.problem(key + ": " + what + " are not supported");
    }
  }

  private void refuseUnless(String key, String expected) {
    Optional<String> found = fields.text(key);
    if (found.isPresent() && !found.get().equals(expected)) {
      fields.problem(
          "%s: %s is not supported; expected %s"
              .formatted(key, Quoted.of(found.get()), Quoted.of(expected)));
    }
  }

  /// Hugging Face has several names, and code, for one formula.
  private static Map<String, Activation> activations() {
    Map<String, Activation> activations = new LinkedHashMap<>();
    activations.put("gelu", Activation.GELU_ERF);
    activations.put("gelu_python", Activation.GELU_ERF);
    activations.put("gelu_new", Activation.GELU_TANH);
    activations.put("gelu_pytorch_tanh", Activation.GELU_TANH);
    activations.put("gelu_python_tanh", Activation.GELU_TANH);
    activations.put("gelu_fast", Activation.GELU_TANH);
    activations.put("gelu_accurate", Activation.GELU_TANH);
    activations.put("relu", Activation.RELU);
    activations.put("tanh", Activation.TANH);
    activations.put("linear", Activation.NONE);
    return activations;
  }
}
