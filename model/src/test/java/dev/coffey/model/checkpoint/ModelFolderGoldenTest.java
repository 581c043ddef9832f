package dev.coffey.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.model.Family;
import dev.coffey.model.HeadKind;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.ProblemType;
import dev.coffey.model.ScoreFunction;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelFolderGoldenTest {
  private static final Path MODELS = Path.of("src/test/resources/golden/models");

  /// Breaks if a head is told wrong from `architectures`, or a size is read from the wrong key.
  @ParameterizedTest
  @CsvSource({
    "distilbert-base, NONE, 60, 5, 2, 1031, 64, F32",
    "distilbert-seqcls, SEQUENCE_CLASSIFICATION, 64, 4, 1, 131, 64, F32",
    "distilbert-wide, SEQUENCE_CLASSIFICATION, 128, 2, 1, 67, 34, F32",
    "distilbert-multilabel, SEQUENCE_CLASSIFICATION, 36, 3, 2, 131, 34, F32",
    "distilbert-regression, SEQUENCE_CLASSIFICATION, 28, 4, 2, 131, 34, F32",
    "distilbert-tokcls, TOKEN_CLASSIFICATION, 36, 3, 2, 131, 34, F32",
    "distilbert-qa, QUESTION_ANSWERING, 32, 4, 2, 131, 34, F32",
    "distilbert-mlm, MASKED_LM, 40, 5, 2, 331, 34, F32",
    "distilbert-mlm-untied, MASKED_LM, 20, 2, 2, 97, 34, F32",
    "distilbert-sinusoidal, NONE, 32, 2, 3, 131, 34, F32",
    "distilbert-relu, SEQUENCE_CLASSIFICATION, 32, 4, 2, 131, 34, F32",
    "distilbert-fp16, SEQUENCE_CLASSIFICATION, 36, 3, 2, 131, 34, F16",
    "distilbert-bf16, SEQUENCE_CLASSIFICATION, 36, 3, 2, 131, 34, BF16",
    "distilbert-sharded, SEQUENCE_CLASSIFICATION, 32, 4, 2, 131, 34, F32",
  })
  void open_golden_readsConfigHeadAndWeights(
      String name,
      HeadKind head,
      int dim,
      int heads,
      int layers,
      int vocabulary,
      int positions,
      DType type) {
    try (ModelFolder folder = ModelFolder.open(MODELS.resolve(name))) {
      assertThat(folder.name()).isEqualTo(name);
      assertThat(folder.head()).isEqualTo(head);
      assertThat(folder.config())
          .returns(dim, c -> c.dim())
          .returns(heads, c -> c.heads())
          .returns(layers, c -> c.layers())
          .returns(vocabulary, c -> c.vocabSize())
          .returns(positions, c -> c.maxPositions())
          .returns(1e-12f, c -> c.layerNormEpsilon())
          .returns(new Family.DistilBert(name.equals("distilbert-sinusoidal")), c -> c.family())
          .returns(!name.equals("distilbert-mlm-untied"), c -> c.tiedWordEmbeddings());
      assertThat(folder.config().activation())
          .isEqualTo(name.equals("distilbert-relu") ? Activation.RELU : Activation.GELU_ERF);

      Checkpoint weights = folder.checkpoint();
      CheckpointNames names = folder.tensorNames();
      int all = weights.unread().size();
      HostTensor words =
          weights.matrix(names.encoder("embeddings.word_embeddings.weight"), vocabulary, dim);
      HostTensor bias = weights.vector(names.encoder("embeddings.LayerNorm.bias"), dim);
      assertThat(words).returns(type, HostTensor::dtype).returns(vocabulary, HostTensor::rows);
      assertThat(bias).returns(1, HostTensor::rows).returns(dim, HostTensor::columns);
      assertThat(weights.unread()).hasSize(all - 2);
    }
  }

  /// Breaks if the head is guessed wrong once the config does not name it.
  @ParameterizedTest
  @CsvSource({
    "distilbert-base, NONE",
    "distilbert-seqcls, SEQUENCE_CLASSIFICATION",
    "distilbert-tokcls, TOKEN_CLASSIFICATION",
    "distilbert-qa, QUESTION_ANSWERING",
    "distilbert-mlm, MASKED_LM",
    "distilbert-mlm-untied, MASKED_LM",
    "bert-base, NONE",
    "bert-seqcls, SEQUENCE_CLASSIFICATION",
    "bert-tokcls, TOKEN_CLASSIFICATION",
    "bert-qa, QUESTION_ANSWERING",
    "bert-mlm, MASKED_LM",
    "bert-nsp, NEXT_SENTENCE",
    "bert-pretraining, PRETRAINING",
    "albert-base, NONE",
    "albert-seqcls, SEQUENCE_CLASSIFICATION",
    "albert-tokcls, TOKEN_CLASSIFICATION",
    "albert-qa, QUESTION_ANSWERING",
    "albert-mlm, MASKED_LM",
    "albert-pretraining, PRETRAINING",
    "mobilebert-base, NONE",
    "mobilebert-noact, NONE",
    "mobilebert-seqcls, SEQUENCE_CLASSIFICATION",
    "mobilebert-nonzero-pad, TOKEN_CLASSIFICATION",
    "mobilebert-qa, QUESTION_ANSWERING",
    "mobilebert-mlm, MASKED_LM",
    "mobilebert-mlm-square, MASKED_LM",
  })
  void head_noArchitectures_isToldFromTensors(String name, HeadKind head) {
    try (ModelFolder folder = ModelFolder.open(MODELS.resolve(name))) {
      assertThat(
              HeadDetection.head(
                  folder.path(), folder.config().family(), List.of(), folder.checkpoint().names()))
          .isEqualTo(head);
    }
  }

  @Test
  void scoreFunction_goldens_isThePipelines() {
    assertThat(config("distilbert-seqcls"))
        .returns(ProblemType.SINGLE_LABEL_CLASSIFICATION, c -> c.problemType())
        .returns(ScoreFunction.SOFTMAX, c -> c.scoreFunction())
        .returns(List.of("negative", "neutral", "positive"), c -> c.labels());
    assertThat(config("distilbert-multilabel"))
        .returns(ScoreFunction.SIGMOID, c -> c.scoreFunction());
    assertThat(config("distilbert-regression"))
        .returns(ProblemType.REGRESSION, c -> c.problemType())
        .returns(ScoreFunction.NONE, c -> c.scoreFunction());
  }

  /// Breaks if a folder with a pickle only is opened, or refused without naming it.
  @Test
  void open_pickleOnly_isRefusedByName() {
    assertThatThrownBy(() -> ModelFolder.open(MODELS.resolve("distilbert-pickle")))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("pytorch_model.bin")
        .hasMessageContaining("safetensors only");
    assertThatThrownBy(() ->
            Safetensors.open(MODELS.resolve("distilbert-pickle").resolve("pytorch_model.bin")))
        .hasMessageContaining("PyTorch");
  }

  private static ModelConfig config(String name) {
    try (ModelFolder folder = ModelFolder.open(MODELS.resolve(name))) {
      return folder.config();
    }
  }
}
