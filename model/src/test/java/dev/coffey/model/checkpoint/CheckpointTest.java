package dev.coffey.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {
  @TempDir Path folder;

  @Test
  void matrix_rightShape_givesNumbersAndRemembers() {
    new SafetensorsFile()
        .add("w", "2,3", 1, 2, 3, 4, 5, 6)
        .add("b", "2", 7, 8)
        .add("embeddings.position_ids", "I64", "1,1", new byte[8])
        .write(folder.resolve("model.safetensors"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      HostTensor w = checkpoint.matrix("w", 2, 3);
      assertThat(w).returns(2, HostTensor::rows).returns(3, HostTensor::columns);
      assertThat(Stored.at(w.data(), 5, DType.F32)).isEqualTo(6);
      assertThat(checkpoint.unread()).containsExactly("b", "embeddings.position_ids");
      assertThat(checkpoint.vector("b", 2)).returns(1, HostTensor::rows);
      assertThat(checkpoint.unread()).containsExactly("embeddings.position_ids");
      assertThat(checkpoint.names()).containsExactly("b", "embeddings.position_ids", "w");
    }
  }

  @Test
  void matrix_wrongInAnyWay_saysExpectedAndFound() {
    new SafetensorsFile()
        .add("w", "2,3", 1, 2, 3, 4, 5, 6)
        .add("long", "I64", "1", new byte[8])
        .add("nan", "1,3", 1, Float.NaN, 3)
        .add("infinite", "2", 0, Float.NEGATIVE_INFINITY)
        .add("m.x.weight", "1", 0)
        .write(folder.resolve("model.safetensors"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      refused(
          () -> checkpoint.matrix("w", 3, 2),
          Problem.WRONG_SHAPE,
          "'w': expected shape [3, 2]",
          "found [2, 3]");
      refused(
          () -> checkpoint.vector("w", 6),
          Problem.WRONG_SHAPE,
          "expected shape [6]",
          "found [2, 3]");
      refused(
          () -> checkpoint.vector("long", 1),
          Problem.WRONG_DTYPE,
          "expected dtype F32, F16 or BF16, found I64");
      refused(
          () -> checkpoint.matrix("nan", 1, 3),
          Problem.NOT_FINITE,
          "'nan': number 1 of [1, 3] is NaN");
      refused(
          () -> checkpoint.vector("infinite", 2),
          Problem.NOT_FINITE,
          "number 1 of [2] is -Infinity");
      refused(
          () -> checkpoint.vector("none", 4),
          Problem.MISSING_TENSOR,
          "'none' is missing; expected one of shape [4]");
      refused(() -> checkpoint.vector("x.weight", 1), Problem.MISSING_TENSOR, "found 'm.x.weight'");
      assertThat(checkpoint.unread()).as("a refused tensor was not read").hasSize(5);
    }
  }

  @Test
  void close_tensorsGivenBefore_areDead() {
    new SafetensorsFile().add("b", "1", 7).write(folder.resolve("model.safetensors"));
    Checkpoint checkpoint = Checkpoint.open(folder);
    HostTensor b = checkpoint.vector("b", 1);
    checkpoint.close();
    assertThatThrownBy(() -> Stored.at(b.data(), 0, DType.F32))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void open_nothingOrOtherFormats_saysWhatWasLookedFor() throws Exception {
    refused(
        () -> Checkpoint.open(folder),
        Problem.MISSING_FILE,
        "holds no weights",
        "model.safetensors.index.json");
    Files.writeString(folder.resolve("pytorch_model.bin"), "");
    refused(
        () -> Checkpoint.open(folder),
        Problem.WRONG_FORMAT,
        "pytorch_model.bin",
        "safetensors only",
        "save_pretrained");
  }

  @Test
  void open_shards_isOneCheckpoint() throws Exception {
    shards();
    index("{\"metadata\":{},\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.names()).containsExactly("a", "b");
      assertThat(checkpoint.vector("b", 2).columns()).isEqualTo(2);
      assertThat(checkpoint.unread()).isEqualTo(List.of("a"));
    }
  }

  /// Breaks if the index is believed, or the shards are, where they disagree.
  @Test
  void open_indexAndShardsDisagree_saysWhere() throws Exception {
    shards();
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"three.safetensors\"}}");
    refused(
        () -> Checkpoint.open(folder), Problem.MISSING_FILE, "three.safetensors: does not exist");
    index(
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\",\"c\":\"two.safetensors\"}}");
    refused(
        () -> Checkpoint.open(folder),
        Problem.BAD_INDEX,
        "lists 'c' in two.safetensors, which holds no such tensor");
    index(
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}}");
    refused(
        () -> Checkpoint.open(folder),
        Problem.BAD_INDEX,
        "'b' is in shard two.safetensors, but weight_map says one.safetensors");
    new SafetensorsFile()
        .add("b", "2", 1, 2)
        .add("d", "1", 1)
        .write(folder.resolve("two.safetensors"));
    index("{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
    refused(
        () -> Checkpoint.open(folder),
        Problem.BAD_INDEX,
        "'d' is in shard two.safetensors, but weight_map does not list it");
    new SafetensorsFile()
        .add("b", "2", 1, 2)
        .add("a", "1", 1)
        .write(folder.resolve("two.safetensors"));
    refused(
        () -> Checkpoint.open(folder),
        Problem.BAD_INDEX,
        "'a' is in two shards, one.safetensors and two.safetensors");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../one.safetensors",
        "/etc/passwd",
        "/one.safetensors",
        "sub/one.safetensors",
        "..\\\\one.safetensors",
        "",
        ".",
        ".one.safetensors",
        "one.bin",
        "one.safetensors/",
        "one\\u0000.safetensors"
      })
  void open_shardNameOutsideFolder_isRefused(String name) throws Exception {
    shards();
    index("{\"weight_map\":{\"a\":\"" + name + "\"}}");
    refused(
        () -> Checkpoint.open(folder),
        Problem.BAD_INDEX,
        "is refused; a shard is a plain file name");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{}",
        "{\"weight_map\":{}}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{\"a\":1}}",
        "{\"weight_map\":{\"a\":null}}",
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"one.safetensors\"}}",
        "{\"weight_map\":{\"a\":\"one.safetensors\"}} more",
        "{\"weight_map\":{\"a\":\"one.safetensors\"}"
      })
  void open_brokenIndex_isRefused(String json) throws Exception {
    shards();
    index(json);
    refused(() -> Checkpoint.open(folder), Problem.BAD_INDEX, "model.safetensors.index.json: ");
  }

  /// Breaks if the prefix is looked for tensor by tensor, or old names are not tried.
  @Test
  void names_prefixAndOldNorms_areFound() throws Exception {
    new SafetensorsFile()
        .add("distilbert.embeddings.LayerNorm.gamma", "1", 1)
        .add("distilbert.embeddings.LayerNorm.beta", "1", 1)
        .add("distilbert.x.weight", "1", 1)
        .write(folder.resolve("model.safetensors"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      CheckpointNames names = new CheckpointNames(checkpoint, "distilbert.");
      assertThat(names.encoder("embeddings.LayerNorm.weight"))
          .isEqualTo("distilbert.embeddings.LayerNorm.gamma");
      assertThat(names.encoder("embeddings.LayerNorm.bias"))
          .isEqualTo("distilbert.embeddings.LayerNorm.beta");
      assertThat(names.encoder("x.weight")).isEqualTo("distilbert.x.weight");
      assertThat(names.encoder("x.bias")).as("missing").isEqualTo("distilbert.x.bias");
      assertThat(names.head("classifier.weight")).isEqualTo("classifier.weight");
    }
    new SafetensorsFile().add("x.weight", "1", 1).write(folder.resolve("model.safetensors"));
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(new CheckpointNames(checkpoint, "distilbert.").encoder("x.weight"))
          .isEqualTo("x.weight");
    }
  }

  private void shards() {
    new SafetensorsFile().add("a", "1", 1).write(folder.resolve("one.safetensors"));
    new SafetensorsFile().add("b", "2", 1, 2).write(folder.resolve("two.safetensors"));
  }

  private void index(String json) throws Exception {
    Files.writeString(folder.resolve("model.safetensors.index.json"), json);
  }

  private static void refused(ThrowingCallable call, Problem problem, String... says) {
    CheckpointException thrown = catchThrowableOfType(CheckpointException.class, call);
    assertThat(thrown).isNotNull().hasMessageContainingAll(says);
    assertThat(thrown.problem()).isEqualTo(problem);
  }
}
