package dev.coffey.model.checkpoint;

import static dev.coffey.model.Family.MobileBert.Attention.SHARED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.Family;
import dev.coffey.model.HeadKind;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelFolderTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden/models");

  private static final Family DISTILBERT = new Family.DistilBert(false);

  @TempDir Path dir;

  @Test
  void open_noModel_saysWhatIsMissing() throws Exception {
    refused(
        () -> ModelFolder.open(dir.resolve("none")), Problem.MISSING_FILE, "none: does not exist");
    Path file = Files.writeString(dir.resolve("file"), "");
    refused(() -> ModelFolder.open(file), Problem.MISSING_FILE, "is a file; expected the folder");
    refused(
        () -> ModelFolder.open(dir), Problem.MISSING_FILE, "is no model: it has no config.json");
    model("a");
    refused(() -> ModelFolder.open(dir), Problem.MISSING_FILE, "(but holds folders that have one)");
    refused(
        () -> ModelFolder.open(dir.resolve("a")),
        Problem.MISSING_FILE,
        "holds no weights; looked for model.safetensors");
  }

  /// The built-in model is opened inside a jar.
  @Test
  void open_insideZip_works() throws Exception {
    Path zip = dir.resolve("models.jar");
    try (FileSystem inside = FileSystems.newFileSystem(zip, Map.of("create", "true"))) {
      copy(GOLDEN.resolve("distilbert-sharded"), inside.getPath("/models/sharded"));
      copy(GOLDEN.resolve("distilbert-fp16"), inside.getPath("/models/fp16"));
    }
    try (FileSystem inside = FileSystems.newFileSystem(zip)) {
      assertThat(ModelFolder.discover(inside.getPath("/models")))
          .extracting(ModelLocation::name)
          .containsExactly("fp16", "sharded");
      try (ModelFolder folder = ModelFolder.open(inside.getPath("/models/sharded/"))) {
        assertThat(folder.name()).isEqualTo("sharded");
        assertThat(folder.head()).isEqualTo(HeadKind.SEQUENCE_CLASSIFICATION);
        assertThat(folder.checkpoint().matrix("classifier.weight", 3, 32).rows()).isEqualTo(3);
      }
    }
  }

  @Test
  void discover_modelItself_isThatOne() throws Exception {
    model("a");
    model("a/1");
    assertThat(ModelFolder.discover(dir.resolve("a")))
        .containsExactly(new ModelLocation("a", OptionalInt.empty(), dir.resolve("a")));
  }

  /// Breaks if versions are ordered as text, hidden folders are read, or a model without a config
  /// is passed over in silence.
  @Test
  void discover_folderOfModels_isOrderedByNameAndVersion() throws Exception {
    model("plain");
    model("versioned/2");
    model("versioned/10");
    Files.createDirectories(dir.resolve("versioned/notes"));
    model(".hidden");
    Files.createDirectories(dir.resolve("empty"));
    Files.writeString(dir.resolve("README.md"), "");
    Files.createDirectories(dir.resolve("broken"));
    Files.writeString(dir.resolve("broken/model.safetensors"), "");
    assertThat(ModelFolder.discover(dir))
        .containsExactly(
            new ModelLocation("broken", OptionalInt.empty(), dir.resolve("broken")),
            new ModelLocation("plain", OptionalInt.empty(), dir.resolve("plain")),
            new ModelLocation("versioned", OptionalInt.of(2), dir.resolve("versioned/2")),
            new ModelLocation("versioned", OptionalInt.of(10), dir.resolve("versioned/10")));
    assertThat(ModelFolder.discover(dir.resolve("versioned")))
        .extracting(ModelLocation::name)
        .containsExactly("versioned", "versioned");
  }

  @Test
  void discover_nothing_saysWhatWasLookedFor() {
    refused(
        () -> ModelFolder.discover(dir),
        Problem.MISSING_FILE,
        "holds no model; looked for config.json here");
    refused(() -> ModelFolder.discover(dir.resolve("x")), Problem.MISSING_FILE, "does not exist");
  }

  @Test
  void tokenizerFiles_areTheOnesThatAreThere() throws Exception {
    copy(GOLDEN.resolve("distilbert-base"), dir.resolve("m"));
    Path vocabulary = Files.writeString(dir.resolve("m/vocab.txt"), "[PAD]\n");
    Files.createDirectories(dir.resolve("m/tokenizer.json"));
    try (ModelFolder folder = ModelFolder.open(dir.resolve("m"))) {
      assertThat(folder.tokenizerFiles())
          .isEqualTo(
              new TokenizerFiles(
                  Optional.empty(),
                  Optional.of(vocabulary),
                  Optional.empty(),
                  Optional.empty(),
                  Optional.empty()));
      assertThat(folder.sentence()).isEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "DistilBertModel, NONE",
    "DistilBertForSequenceClassification, SEQUENCE_CLASSIFICATION",
    "DistilBertForTokenClassification, TOKEN_CLASSIFICATION",
    "DistilBertForQuestionAnswering, QUESTION_ANSWERING",
    "DistilBertForMaskedLM, MASKED_LM"
  })
  void head_architecture_decidesWhateverTheTensors(String name, HeadKind head) {
    assertThat(HeadDetection.head(dir, DISTILBERT, List.of(name), Set.of("qa_outputs.weight")))
        .isEqualTo(head);
  }

  @Test
  void head_notToBeTold_isRefused() {
    refused(
        () -> HeadDetection.head(dir, DISTILBERT, List.of("DistilBertForMultipleChoice"), Set.of()),
        Problem.UNSUPPORTED,
        "architectures: 'DistilBertForMultipleChoice' is not supported; known for model_type distilbert: DistilBertModel");
    refused(
        () -> HeadDetection.head(dir, DISTILBERT, List.of("BertModel"), Set.of()),
        Problem.UNSUPPORTED,
        "'BertModel'");
    refused(
        () ->
            HeadDetection.head(
                dir, DISTILBERT, List.of("DistilBertModel", "DistilBertForMaskedLM"), Set.of()),
        Problem.BAD_CONFIG,
        "are several heads");
    refused(
        () ->
            HeadDetection.head(
                dir, DISTILBERT, List.of(), Set.of("classifier.weight", "qa_outputs.weight")),
        Problem.BAD_CONFIG,
        "several heads (classifier, qa_outputs)");
    refused(
        () -> HeadDetection.head(dir, DISTILBERT, List.of(), Set.of("pre_classifier.weight")),
        Problem.MISSING_TENSOR,
        "'classifier.weight' is missing");
  }

  /// Breaks if an encoder whose config still names the class that it was trained as is not opened.
  @Test
  void head_sentencesOfEncoderAlone_isNone() {
    assertThat(
            HeadDetection.ofSentences(
                dir, new Family.Bert(), List.of("BertForMaskedLM"), Set.of("pooler.dense.weight")))
        .isEqualTo(HeadKind.NONE);
    assertThat(
            HeadDetection.ofSentences(
                dir,
                new Family.Bert(),
                List.of("BertForSequenceClassification"),
                Set.of("classifier.weight", "bert.pooler.dense.weight")))
        .isEqualTo(HeadKind.SEQUENCE_CLASSIFICATION);
  }

  /// Breaks if a classifier is guessed to be of texts or of tokens where nothing tells.
  @Test
  void head_mobileBertWithoutPoolerNorArchitectures_isRefused() {
    Family family = new Family.MobileBert(8, 8, true, true, SHARED, 1, false, false);
    refused(
        () -> HeadDetection.head(dir, family, List.of(), Set.of("classifier.weight")),
        Problem.BAD_CONFIG,
        "can't be told from one over tokens");
    assertThat(HeadDetection.head(dir, family, List.of(), Set.of("x"))).isEqualTo(HeadKind.NONE);
  }

  @Test
  void sentence_versions2To5_areRead() throws Exception {
    sentence(
        """
        [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
         {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
         {"idx": 2, "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
        """,
        """
        {"word_embedding_dimension": 8, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true,
         "pooling_mode_max_tokens": true, "pooling_mode_mean_sqrt_len_tokens": false}
        """);
    Files.writeString(dir.resolve("sentence_bert_config.json"), "{\"max_seq_length\": 64}");
    assertThat(SentenceConfig.in(dir))
        .contains(
            new SentenceConfig(
                List.of(Pooling.MAX, Pooling.MEAN),
                List.of(),
                true,
                OptionalInt.of(64),
                Map.of(),
                Optional.empty(),
                List.of()));
  }

  @Test
  void sentence_version6_isRead() throws Exception {
    sentence(
        """
        [{"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
         {"path": "1_Pooling", "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"},
         {"path": "2_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}]
        """,
        """
        {"embedding_dimension": 8, "pooling_mode": ["weightedmean", "mean_sqrt_len_tokens"], "include_prompt": false}
        """);
    dense("{\"in_features\": 16, \"out_features\": 4}");
    Files.writeString(
        dir.resolve("config_sentence_transformers.json"),
        "{\"prompts\": {\"query\": \"query: \"}, \"default_prompt_name\": \"query\"}");
    assertThat(SentenceConfig.in(dir))
        .contains(
            new SentenceConfig(
                List.of(Pooling.WEIGHTED_MEAN, Pooling.MEAN_SQRT_LEN),
                List.of(new SentenceDense(dir.resolve("2_Dense"), 16, 4, true, Activation.TANH)),
                false,
                OptionalInt.empty(),
                Map.of("query", "query: "),
                Optional.of("query"),
                List.of("Pooling with include_prompt false")));
    Files.writeString(dir.resolve("1_Pooling/config.json"), "{\"pooling_mode\": \"lasttoken\"}");
    assertThat(SentenceConfig.in(dir).orElseThrow().poolings()).containsExactly(Pooling.LAST_TOKEN);
  }

  @Test
  void sentence_broken_isRefused() throws Exception {
    String modules = "[{\"path\": \"%s\", \"type\": \"sentence_transformers.models.Pooling\"}]";
    sentence(modules.formatted("../1_Pooling"), "{}");
    refused(
        () -> SentenceConfig.in(dir),
        Problem.BAD_CONFIG,
        "expected the path of the Pooling module");
    sentence(modules.formatted("1_Pooling"), "{\"pooling_mode\": \"sum\"}");
    refused(
        () -> SentenceConfig.in(dir),
        Problem.BAD_CONFIG,
        "pooling_mode: 'sum' is not known; known: cls");
    sentence(modules.formatted("1_Pooling"), "{\"pooling_mode\": 3}");
    refused(() -> SentenceConfig.in(dir), Problem.BAD_CONFIG, "pooling_mode: expected");
    sentence(modules.formatted("1_Pooling"), "{\"pooling_mode_cls_token\": 1}");
    refused(
        () -> SentenceConfig.in(dir),
        Problem.BAD_CONFIG,
        "pooling_mode_cls_token: expected true or false, found 1");
    sentence(modules.formatted("2_Pooling"), "{}");
    refused(() -> SentenceConfig.in(dir), Problem.MISSING_FILE, "2_Pooling", "does not exist");
    sentence("{}", "{}");
    refused(() -> SentenceConfig.in(dir), Problem.BAD_CONFIG, "expected a list of modules");
    sentence("[{}]", "{}");
    refused(
        () -> SentenceConfig.in(dir), Problem.BAD_CONFIG, "expected a string type in each module");
    sentence("[]", "{}");
    Files.writeString(
        dir.resolve("config_sentence_transformers.json"),
        "{\"prompts\": {\"a\": 1}, \"default_prompt_name\": \"b\"}");
    refused(
        () -> SentenceConfig.in(dir),
        Problem.BAD_CONFIG,
        "prompts.'a': expected a string",
        "default_prompt_name: 'b' is none of");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'activation_function': 'torch.nn.modules.linear.Identity' | NONE",
        "'activation_function': 'torch.nn.modules.activation.ReLU', 'bias': true | RELU",
        "'activation_function': 'torch.nn.modules.activation.GELU' | GELU_ERF",
        "'module_input_name': 'sentence_embedding' | TANH"
      })
  void sentence_dense_activationIsNamedByItsMathematics(String keys, Activation activation)
      throws Exception {
    chainWithDense(keys);
    assertThat(SentenceConfig.in(dir).orElseThrow())
        .returns(List.of(), SentenceConfig::unsupported)
        .returns(
            List.of(new SentenceDense(dir.resolve("2_Dense"), 8, 6, true, activation)),
            SentenceConfig::dense);
  }

  /// Breaks if a layer that computes something else is run as if it did not.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "'activation_function': 'torch.nn.modules.activation.SiLU' | Dense with 'torch.nn.modules.activation.SiLU'",
        "'activation_function': 'mine.Tanh' | Dense with 'mine.Tanh'",
        "'use_residual': true | Dense with use_residual",
        "'module_input_name': 'token_embeddings' | Dense of 'token_embeddings' to 'token_embeddings'"
      })
  void sentence_denseNotRun_isUnsupportedByName(String keys, String named) throws Exception {
    chainWithDense(keys);
    assertThat(SentenceConfig.in(dir).orElseThrow().unsupported()).containsExactly(named);
  }

  @Test
  void sentence_denseAfterNormalize_isUnsupported() throws Exception {
    sentence(
        """
        [{"path": "1_Pooling", "type": "x.Pooling"}, {"path": "", "type": "x.Normalize"},
         {"path": "2_Dense", "type": "x.Dense"}]
        """,
        "{}");
    dense("{\"in_features\": 16, \"out_features\": 4}");
    assertThat(SentenceConfig.in(dir).orElseThrow().unsupported())
        .containsExactly("Dense after Normalize");
    dense("{\"in_features\": 0}");
    refused(
        () -> SentenceConfig.in(dir),
        Problem.BAD_CONFIG,
        "out_features: is missing",
        "in_features: expected");
  }

  private void chainWithDense(String keys) throws IOException {
    sentence(
        """
        [{"path": "1_Pooling", "type": "x.Pooling"}, {"path": "2_Dense", "type": "x.Dense"}]
        """,
        "{}");
    dense("{\"in_features\": 8, \"out_features\": 6, " + keys.replace('\'', '"') + "}");
  }

  private void dense(String config) throws IOException {
    Files.createDirectories(dir.resolve("2_Dense"));
    Files.writeString(dir.resolve("2_Dense/config.json"), config);
  }

  private void sentence(String modules, String pooling) throws IOException {
    Files.writeString(dir.resolve("modules.json"), modules);
    Files.createDirectories(dir.resolve("1_Pooling"));
    Files.writeString(dir.resolve("1_Pooling/config.json"), pooling);
  }

  private void model(String name) throws IOException {
    Files.createDirectories(dir.resolve(name));
    Files.writeString(dir.resolve(name).resolve("config.json"), "{\"model_type\": \"distilbert\"}");
  }

  private static void copy(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName().toString()));
      }
    }
  }

  private static void refused(ThrowingCallable call, Problem problem, String... says) {
    CheckpointException thrown = catchThrowableOfType(CheckpointException.class, call);
    assertThat(thrown).isNotNull().hasMessageContainingAll(says);
    assertThat(thrown.problem()).isEqualTo(problem);
  }
}
