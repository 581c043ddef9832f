package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Pooling;
import dev.coffey.model.checkpoint.CheckpointException;
import dev.coffey.model.checkpoint.ModelFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What of a sentence-transformers folder is found wrong, and when.
final class SentenceFolderTest {
  @TempDir Path folder;

  /// Breaks if a Dense layer that does not fit is found when the first text comes.
  @Test
  void load_denseOfOtherWidth_isRefused() throws IOException {
    copy(Golden.bundledRoot().resolve("pipelines/st-dense-norm"));
    Path config = folder.resolve("2_Dense/config.json");
    Files.writeString(
        config, Files.readString(config).replace("\"in_features\": 8", "\"in_features\": 16"));
    refused("2_Dense", "in_features: 16, but the modules before it give vectors of 8 numbers");
  }

  @Test
  void load_denseWithoutWeights_isRefused() throws IOException {
    copy(Golden.bundledRoot().resolve("pipelines/st-dense-norm"));
    Files.move(
        folder.resolve("2_Dense/model.safetensors"), folder.resolve("2_Dense/pytorch_model.bin"));
    refused("2_Dense", "pytorch_model.bin");
  }

  /// Breaks if Dense layers read what they are not made for, or are left out unasked.
  @Test
  void run_denseThatDoesNotFit_isRefused() throws IOException {
    copy(Golden.bundledRoot().resolve("pipelines/st-dense-norm"));
    try (Kernels kernels = Backends.open(Backends.usable().getFirst());
        ModelFolder files = ModelFolder.open(folder);
        TextModel model = TextModel.load(files, kernels)) {
      assertThat(model.denseOutputs()).isEqualTo(6);
      assertThatThrownBy(() -> pool(model, List.of(Pooling.CLS, Pooling.MEAN)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("reads vectors of 8 numbers; these poolings give 16");
      assertThat(pool(model, List.of(Pooling.MAX)).columns()).isEqualTo(6);
    }
  }

  private static Matrix pool(TextModel model, List<Pooling> poolings) {
    Readout readout = new Readout.Pooled(poolings, true, false);
    TextInput text =
        new TextInput(new int[] {2, 7, 3}, new int[3], new int[] {0, 1, 2}, List.of(readout));
    return model.run(List.of(text)).getFirst().getFirst();
  }

  private void refused(String... says) {
    try (Kernels kernels = Backends.open(Backends.usable().getFirst());
        ModelFolder files = ModelFolder.open(folder)) {
      assertThatThrownBy(() -> TextModel.load(files, kernels))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContainingAll(says);
    }
  }

  private void copy(Path from) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path to = folder.resolve(from.relativize(file).toString());
        if (Files.isDirectory(file)) {
          Files.createDirectories(to);
        } else {
          Files.copy(file, to);
        }
      }
    }
  }
}
