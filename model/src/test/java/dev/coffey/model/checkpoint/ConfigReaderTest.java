package dev.coffey.model.checkpoint;

import static dev.coffey.kernels.Activation.GELU_ERF;
import static dev.coffey.kernels.Activation.GELU_TANH;
import static dev.coffey.kernels.Activation.RELU;
import static dev.coffey.model.Family.MobileBert.Attention.BOTTLENECK;
import static dev.coffey.model.Family.MobileBert.Attention.SHARED;
import static dev.coffey.model.Family.MobileBert.Attention.STATES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.coffey.kernels.Activation;
import dev.coffey.model.Family;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.ProblemType;
import dev.coffey.model.ScoreFunction;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ConfigReaderTest {
  @TempDir Path folder;

  /// Breaks if a default differs from Hugging Face's `DistilBertConfig`.
  @Test
  void read_modelTypeOnly_hasHuggingFacesDefaults() throws Exception {
    assertThat(read(""))
        .isEqualTo(
            new ModelConfig(
                new Family.DistilBert(false),
                List.of(),
                768,
                3072,
                6,
                12,
                512,
                30_522,
                0,
                Activation.GELU_ERF,
                true,
                OptionalInt.of(0),
                Optional.empty(),
                List.of("LABEL_0", "LABEL_1"),
                1e-12f));
  }

  /// Each key with a value that is not its default, so that one read from another key shows.
  @Test
  void read_everyKey_isMapped() throws Exception {
    assertThat(
            read(
                """
                , "architectures": ["DistilBertForSequenceClassification"], "dim": 64, "hidden_dim": 65, "n_layers": 3,
                "n_heads": 4, "max_position_embeddings": 66, "vocab_size": 67, "activation": "gelu_new",
                "sinusoidal_pos_embds": true, "tie_word_embeddings": false, "pad_token_id": 5,
                "problem_type": "multi_label_classification", "id2label": {"1": "b", "0": "a"}, "num_labels": 2,
                "label2id": {"a": 0, "b": 1}, "quantization_config": null, "pruned_heads": {}, "anything": [1e300]
                """))
        .isEqualTo(
            new ModelConfig(
                new Family.DistilBert(true),
                List.of("DistilBertForSequenceClassification"),
                64,
                65,
                3,
                4,
                66,
                67,
                0,
                Activation.GELU_TANH,
                false,
                OptionalInt.of(5),
                Optional.of(ProblemType.MULTI_LABEL_CLASSIFICATION),
                List.of("a", "b"),
                1e-12f));
    assertThat(read(", \"hidden_size\": 48, \"num_attention_heads\": 3, \"num_hidden_layers\": 0"))
        .returns(48, ModelConfig::dim)
        .returns(3, ModelConfig::heads)
        .returns(0, ModelConfig::layers);
  }

  /// Breaks if a default differs from that of Hugging Face's config class.
  @Test
  void read_otherFamiliesModelTypeOnly_hasHuggingFacesDefaults() throws Exception {
    assertThat(readAs("bert", ""))
        .isEqualTo(withDefaults(new Family.Bert(), 768, 3072, 12, 12, 30_522, GELU_ERF));
    assertThat(readAs("albert", ""))
        .isEqualTo(
            withDefaults(new Family.Albert(128, 1, 1), 4096, 16_384, 12, 64, 30_000, GELU_TANH));
    assertThat(readAs("mobilebert", ""))
        .isEqualTo(
            withDefaults(
                new Family.MobileBert(128, 128, true, true, SHARED, 4, false, true),
                512,
                512,
                24,
                4,
                30_522,
                RELU));
  }

  private static ModelConfig withDefaults(
      Family family,
      int dim,
      int hiddenDim,
      int layers,
      int heads,
      int vocabulary,
      Activation activation) {
    return new ModelConfig(
        family,
        List.of(),
        dim,
        hiddenDim,
        layers,
        heads,
        512,
        vocabulary,
        2,
        activation,
        true,
        OptionalInt.of(0),
        Optional.empty(),
        List.of("LABEL_0", "LABEL_1"),
        1e-12f);
  }

  /// Each key with a value that is not its default.
  @Test
  void read_otherFamiliesEveryKey_isMapped() throws Exception {
    assertThat(
            readAs(
                "albert",
                """
                , "hidden_size": 64, "intermediate_size": 65, "num_hidden_layers": 3, "num_attention_heads": 4,
                "max_position_embeddings": 66, "vocab_size": 67, "type_vocab_size": 1, "hidden_act": "tanh",
                "layer_norm_eps": 1e-5, "embedding_size": 7, "num_hidden_groups": 2, "inner_group_num": 5,
                "tie_word_embeddings": false, "pad_token_id": 5, "position_embedding_type": "absolute"
                """))
        .isEqualTo(
            new ModelConfig(
                new Family.Albert(7, 2, 5),
                List.of(),
                64,
                65,
                3,
                4,
                66,
                67,
                1,
                Activation.TANH,
                false,
                OptionalInt.of(5),
                Optional.empty(),
                List.of("LABEL_0", "LABEL_1"),
                1e-5f));
    assertThat(
            readAs(
                    "mobilebert",
                    """
                    , "embedding_size": 7, "intra_bottleneck_size": 8, "trigram_input": false, "num_feedforward_networks": 2,
                    "normalization_type": "layer_norm", "classifier_activation": false, "use_bottleneck_attention": true
                    """)
                .family())
        .isEqualTo(new Family.MobileBert(7, 8, false, true, BOTTLENECK, 2, true, false));
    assertThat(readAs("mobilebert", ", \"use_bottleneck\": false").family())
        .isEqualTo(new Family.MobileBert(128, 512, true, false, STATES, 4, false, true));
    assertThat(
            readAs(
                    "mobilebert",
                    ", \"key_query_shared_bottleneck\": false, \"intra_bottleneck_size\": 512")
                .family())
        .isEqualTo(new Family.MobileBert(128, 512, true, true, STATES, 4, false, true));
  }

  static Stream<Arguments> otherFamiliesRefused() {
    return Stream.of(
        arguments("bert", "\"hidden_act\": \"silu\"", "hidden_act: 'silu' is not supported"),
        arguments("bert", "\"hidden_size\": 100", "hidden_size: expected a multiple of num_att"),
        arguments("bert", "\"type_vocab_size\": 0", "type_vocab_size: expected"),
        arguments(
            "bert", "\"layer_norm_eps\": -1", "layer_norm_eps: expected a number from 0 to 1"),
        arguments("bert", "\"layer_norm_eps\": \"x\"", "layer_norm_eps: expected a number"),
        arguments("bert", "\"add_cross_attention\": true", "add_cross_attention: true makes"),
        arguments("albert", "\"num_hidden_groups\": 0", "num_hidden_groups: expected"),
        arguments("albert", "\"inner_group_num\": 0", "inner_group_num: expected"),
        arguments("albert", "\"embedding_size\": null", "embedding_size: expected"),
        arguments(
            "mobilebert",
            "\"intra_bottleneck_size\": 130",
            "intra_bottleneck_size: expected a multiple of num_attention_heads (4), found 130"),
        arguments("mobilebert", "\"use_bottleneck\": 1", "use_bottleneck: expected true or false"),
        arguments(
            "mobilebert",
            "\"key_query_shared_bottleneck\": false",
            "key_query_shared_bottleneck: false lets queries read states 512 wide"),
        arguments(
            "mobilebert",
            "\"normalization_type\": \"batch\"",
            "normalization_type: expected no_norm or layer_norm, found 'batch'"),
        arguments(
            "mobilebert",
            "\"true_hidden_size\": 100",
            "true_hidden_size: 100, but the other keys make it 128"),
        arguments(
            "mobilebert", "\"num_feedforward_networks\": 0", "num_feedforward_networks: exp"));
  }

  @ParameterizedTest
  @MethodSource
  void otherFamiliesRefused(String type, String keys, String says) throws Exception {
    assertThat(refusal("{\"model_type\": \"" + type + "\", " + keys + "}", Problem.BAD_CONFIG))
        .hasMessageContaining(says);
  }

  @ParameterizedTest
  @CsvSource({
    "gelu, GELU_ERF",
    "gelu_new, GELU_TANH",
    "gelu_pytorch_tanh, GELU_TANH",
    "relu, RELU",
    "tanh, TANH"
  })
  void read_activation_isNamedByItsMathematics(String name, Activation activation)
      throws Exception {
    assertThat(read(", \"activation\": \"" + name + "\"").activation()).isEqualTo(activation);
  }

  static Stream<Arguments> refused() {
    return Stream.of(
        arguments(
            "\"dim\": \"768\"",
            "dim: expected a whole number from 1 to 65536, found the string '768'"),
        arguments("\"dim\": 768.0", "dim: expected a whole number from 1 to 65536, found 768.0"),
        arguments("\"dim\": null", "dim: expected a whole number from 1 to 65536, found null"),
        arguments("\"dim\": true", "found true"),
        arguments("\"dim\": [768]", "found a list of 1"),
        arguments("\"dim\": {}", "found an object"),
        arguments("\"dim\": 0", "found 0"),
        arguments("\"dim\": -768", "found -768"),
        arguments("\"dim\": 65537", "found 65537"),
        arguments("\"dim\": 4294968064", "found 4294968064"),
        arguments("\"dim\": 1e3", "found 1000.0"),
        arguments("\"dim\": 18446744073709552384", "found 18446744073709552384"),
        arguments("\"dim\": 770", "dim: expected a multiple of n_heads (12), found 770"),
        arguments("\"n_heads\": 4", "makes heads 192 wide; Coffey runs heads up to 128 wide"),
        arguments("\"n_heads\": 0", "n_heads: expected a whole number from 1"),
        arguments("\"hidden_size\": 0", "hidden_size: expected"),
        arguments("\"hidden_dim\": 0", "hidden_dim: expected"),
        arguments("\"n_layers\": -1", "n_layers: expected a whole number from 0 to 1000"),
        arguments("\"n_layers\": 1001", "n_layers: expected"),
        arguments("\"max_position_embeddings\": 0", "max_position_embeddings: expected"),
        arguments("\"vocab_size\": 0", "vocab_size: expected"),
        arguments("\"vocab_size\": 2147483647", "vocab_size: expected"),
        arguments(
            "\"activation\": \"swish\"",
            "activation: 'swish' is not supported; known: gelu, gelu_python, gelu_new, gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, gelu_accurate, relu, tanh, linear"),
        arguments("\"activation\": 1", "activation: expected a string, found 1"),
        arguments(
            "\"sinusoidal_pos_embds\": 1", "sinusoidal_pos_embds: expected true or false, found 1"),
        arguments(
            "\"tie_word_embeddings\": \"false\"", "tie_word_embeddings: expected true or false"),
        arguments(
            "\"pad_token_id\": 30522", "pad_token_id: expected a whole number from 0 to 30521"),
        arguments("\"pad_token_id\": -1", "pad_token_id: expected"),
        arguments(
            "\"problem_type\": \"ranking\"",
            "problem_type: expected single_label_classification, multi_label_classification or regression, found 'ranking'"),
        arguments("\"problem_type\": [1]", "problem_type: expected a string"),
        arguments(
            "\"architectures\": \"DistilBertModel\"",
            "architectures: expected a list of strings, found the string"),
        arguments("\"architectures\": [1]", "architectures: expected a list of strings"),
        arguments(
            "\"num_labels\": 3, \"id2label\": {\"0\": \"a\"}",
            "num_labels: 3, but id2label names 1 labels"),
        arguments("\"num_labels\": 0", "num_labels: expected a whole number from 1"),
        arguments("\"num_labels\": 1000000000", "num_labels: expected"),
        arguments(
            "\"id2label\": {\"0\": \"a\", \"2\": \"c\"}",
            "id2label: 2 labels up to id 2, but id 1 is missing"),
        arguments("\"id2label\": {\"1\": \"a\", \"2\": \"c\"}", "but id 0 is missing"),
        arguments("\"id2label\": {\"999999999\": \"a\"}", "but id 0 is missing"),
        arguments(
            "\"id2label\": {\"9999999999\": \"a\"}",
            "id2label: expected ids 0, 1, 2 …, found '9999999999'"),
        arguments("\"id2label\": {\"00\": \"a\"}", "found '00'"),
        arguments("\"id2label\": {\"x\": \"a\"}", "found 'x'"),
        arguments("\"id2label\": {\"-1\": \"a\"}", "found '-1'"),
        arguments("\"id2label\": {\"0\": null}", "id2label.0: expected a string, found null"),
        arguments(
            "\"id2label\": {}",
            "id2label: expected an object of 1 to 65536 labels, found an object"),
        arguments("\"id2label\": [\"a\"]", "id2label: expected an object"),
        arguments(
            "\"quantization_config\": {\"bits\": 4}",
            "quantization_config: quantized weights are not supported"),
        arguments("\"pruned_heads\": {\"0\": [1]}", "pruned_heads: pruned heads are not supported"),
        arguments(
            "\"position_embedding_type\": \"relative_key\"",
            "position_embedding_type: 'relative_key' is not supported; expected 'absolute'"),
        arguments("\"is_decoder\": true", "is_decoder: true makes a decoder"),
        arguments("\"dim\": NaN", "is not valid JSON"),
        arguments("\"dim\": 1" + "0".repeat(100), "is not valid JSON"),
        arguments("\"dim\": 768, \"dim\": 769", "Duplicate field 'dim'"),
        arguments("\"x\": " + "[".repeat(100) + "]".repeat(100), "is not valid JSON"));
  }

  /// Breaks if a value is taken as it is: out of range, of another kind, or one that contradicts
  /// another.
  @ParameterizedTest
  @MethodSource
  void refused(String keys, String says) throws Exception {
    assertThat(refusal("{\"model_type\": \"distilbert\", " + keys + "}", Problem.BAD_CONFIG))
        .hasMessageContaining(says);
  }

  @Test
  void read_severalProblems_areAllTold() throws Exception {
    assertThat(
            refusal(
                "{\"model_type\": \"distilbert\", \"dim\": 0, \"vocab_size\": \"x\", \"activation\": \"y\"}",
                Problem.BAD_CONFIG))
        .hasMessageContainingAll("dim: expected", "; vocab_size: expected", "; activation: 'y'");
  }

  @Test
  void read_otherModelTypes_areRefusedWithWhatIsKnown() throws Exception {
    assertThat(refusal("{\"model_type\": \"llama\"}", Problem.UNSUPPORTED))
        .hasMessageContaining(
            "model_type: 'llama' is not supported; known: distilbert, bert, albert, mobilebert");
    assertThat(refusal("{\"model_type\": 7}", Problem.BAD_CONFIG))
        .hasMessageContaining("model_type: expected a string, found 7");
    assertThat(refusal("{}", Problem.BAD_CONFIG)).hasMessageContaining("model_type: is missing");
    assertThat(refusal("[]", Problem.BAD_CONFIG)).hasMessageContaining("found a list of 0");
    assertThat(refusal("", Problem.BAD_CONFIG)).hasMessageContaining("is empty");
    assertThat(refusal("\u00ff", Problem.BAD_CONFIG)).hasMessageContaining("not valid JSON");
  }

  /// The first DistilBERT checkpoints have no model_type.
  @Test
  void read_noModelType_isToldFromArchitectures() throws Exception {
    Files.writeString(
        folder.resolve("config.json"), "{\"architectures\": [\"DistilBertForMaskedLM\"]}");
    assertThat(ConfigReader.read(folder).modelType()).isEqualTo("distilbert");
  }

  @Test
  void read_notUtf8OrEndless_isRefused() throws Exception {
    Files.write(folder.resolve("config.json"), new byte[] {'{', '"', (byte) 0xff, '"'});
    assertThat(catchThrowableOfType(CheckpointException.class, () -> ConfigReader.read(folder)))
        .hasMessageContaining("is not UTF-8");
    Files.write(folder.resolve("config.json"), new byte[Json.MAX_BYTES + 1]);
    assertThat(catchThrowableOfType(CheckpointException.class, () -> ConfigReader.read(folder)))
        .hasMessageContaining("longer than 16777216 bytes");
  }

  @Test
  void labels_tenAndMore_areInNumericOrder() throws Exception {
    StringBuilder labels = new StringBuilder();
    IntStream.range(0, 12)
        .forEach(
            id -> labels.append(id == 0 ? "" : ",").append("\"%d\":\"l%d\"".formatted(id, id)));
    assertThat(read(", \"id2label\": {" + labels + "}").labels())
        .isEqualTo(IntStream.range(0, 12).mapToObj(id -> "l" + id).toList());
  }

  /// The table of Hugging Face's text-classification pipeline.
  @ParameterizedTest
  @CsvSource({
    ", 1, REGRESSION, SIGMOID",
    ", 2, SINGLE_LABEL_CLASSIFICATION, SOFTMAX",
    "regression, 1, REGRESSION, NONE",
    "regression, 3, REGRESSION, NONE",
    "multi_label_classification, 3, MULTI_LABEL_CLASSIFICATION, SIGMOID",
    "single_label_classification, 3, SINGLE_LABEL_CLASSIFICATION, SOFTMAX",
    "single_label_classification, 1, SINGLE_LABEL_CLASSIFICATION, SIGMOID"
  })
  void scoreFunction_isThePipelines(
      String declared, int labels, ProblemType problemType, ScoreFunction function)
      throws Exception {
    String key = declared == null ? "" : ", \"problem_type\": \"" + declared + "\"";
    assertThat(read(", \"num_labels\": " + labels + key))
        .returns(problemType, ModelConfig::problemType)
        .returns(function, ModelConfig::scoreFunction);
  }

  @Test
  void padTokenId_null_isNone() throws Exception {
    assertThat(read(", \"pad_token_id\": null").padTokenId()).isEmpty();
  }

  private ModelConfig read(String keys) throws Exception {
    return readAs("distilbert", keys);
  }

  private ModelConfig readAs(String type, String keys) throws Exception {
    Files.writeString(
        folder.resolve("config.json"), "{\"model_type\": \"" + type + "\"" + keys + "}");
    return ConfigReader.read(folder);
  }

  private CheckpointException refusal(String json, Problem problem) throws Exception {
    Path file = Files.writeString(folder.resolve("config.json"), json);
    CheckpointException thrown =
        catchThrowableOfType(CheckpointException.class, () -> ConfigReader.read(folder));
    assertThat(thrown).isNotNull().hasMessageStartingWith(file + ": ");
    assertThat(thrown.problem()).isEqualTo(problem);
    return thrown;
  }
}
