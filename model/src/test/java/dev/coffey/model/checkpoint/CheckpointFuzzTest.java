package dev.coffey.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.model.HeadKind;
import dev.coffey.model.ModelConfig;
import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointFuzzTest {
  private static final long SEED = 20261123;

  @TempDir Path scratch;

  /// Breaks if anything but a CheckpointException comes of a damaged folder, or a number in it
  /// makes us allocate.
  @Test
  void open_damagedFolders_opensOrSaysWhy() throws Exception {
    run(Integer.getInteger("coffey.fuzz.cases", 2_000));
  }

  @Test
  @Tag("soak")
  void open_manyDamagedFolders_opensOrSaysWhy() throws Exception {
    run(Integer.getInteger("coffey.fuzz.cases", 20_000));
  }

  private void run(int cases) throws Exception {
    CheckpointFuzz.Report report =
        new CheckpointFuzz(SEED, CheckpointFuzzTest::readAll).run(cases, scratch);
    System.out.println("seed " + SEED + ", " + report);
    assertThat(report.outcomes().values().stream().mapToInt(n -> n).sum()).isEqualTo(cases);
    // Far above what was seen (a few ms): a machine may be busy. Far below what trusting a length
    // would take.
    assertThat(Duration.ofNanos(report.slowestNanos())).isLessThan(Duration.ofSeconds(5));
    // The files have at most 64 kB; a header of that size is parsed in less than 2 MB.
    assertThat(report.mostAllocatedBytes()).isLessThan(16 << 20);
    // A run that no longer reaches a rule does not test it. The rest can't be reached by damaging a
    // file.
    Set<String> reached =
        EnumSet.complementOf(EnumSet.of(Problem.UNREADABLE, Problem.WRONG_FORMAT)).stream()
            .map(Problem::name)
            .collect(Collectors.toSet());
    assertThat(report.outcomes()).containsKeys(reached.toArray(String[]::new));
    assertThat(report.outcomes()).containsKey("opened and read");
  }

  /// Asks for what a DistilBERT's forward pass asks for.
  private static void readAll(ModelFolder folder) {
    ModelConfig config = folder.config();
    Checkpoint weights = folder.checkpoint();
    CheckpointNames names = folder.tensorNames();
    int dim = config.dim();
    weights.matrix(names.encoder("embeddings.word_embeddings.weight"), config.vocabSize(), dim);
    weights.matrix(
        names.encoder("embeddings.position_embeddings.weight"), config.maxPositions(), dim);
    norm(weights, names.encoder("embeddings.LayerNorm"), dim);
    for (int layer = 0; layer < config.layers(); layer++) {
      String at = names.encoder("transformer.layer." + layer + ".");
      linear(weights, at + "attention.q_lin", dim, dim);
      linear(weights, at + "attention.k_lin", dim, dim);
      linear(weights, at + "attention.v_lin", dim, dim);
      linear(weights, at + "attention.out_lin", dim, dim);
      norm(weights, at + "sa_layer_norm", dim);
      linear(weights, at + "ffn.lin1", config.hiddenDim(), dim);
      linear(weights, at + "ffn.lin2", dim, config.hiddenDim());
      norm(weights, at + "output_layer_norm", dim);
    }
    if (folder.head() == HeadKind.SEQUENCE_CLASSIFICATION) {
      linear(weights, "pre_classifier", dim, dim);
      linear(weights, "classifier", config.labels().size(), dim);
    } else if (folder.head() == HeadKind.MASKED_LM) {
      linear(weights, "vocab_transform", dim, dim);
      norm(weights, "vocab_layer_norm", dim);
      linear(weights, "vocab_projector", config.vocabSize(), dim);
    }
    weights.unread();
  }

  private static void linear(Checkpoint weights, String name, int out, int in) {
    weights.matrix(name + ".weight", out, in);
    weights.vector(name + ".bias", out);
  }

  private static void norm(Checkpoint weights, String name, int dim) {
    weights.vector(name + ".weight", dim);
    weights.vector(name + ".bias", dim);
  }
}
