package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.cuda.InterpretedCuda;
import dev.coffey.model.checkpoint.ModelFolder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every family's forward pass and heads against Hugging Face's numbers, layer by layer by name, on
/// every backend.
///
/// Would break by any wrong formula: a missing residual, another epsilon, tanh GELU for erf, a
/// wrong stack order of query, key and value.
final class FamilyGoldenTest {
  /// CI reads the lines.
  @AfterAll
  static void printInterpreted() {
    for (int capability : new int[] {80, 75}) {
      System.out.println(
          "backend "
              + InterpretedCuda.name(capability)
              + ": ran golden models, "
              + InterpretedCuda.done(capability));
    }
  }

  static Stream<Arguments> backendsAndModels() {
    return withModels(Backends.usable());
  }

  static Stream<Arguments> interpretedAndModels() {
    return withModels(Backends.interpreted());
  }

  private static Stream<Arguments> withModels(List<KernelsProvider> backends) {
    List<Golden> goldens = Golden.all();
    return backends.stream()
        .flatMap(backend -> goldens.stream().map(g -> Arguments.of(backend.name(), g, backend)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource({"backendsAndModels", "interpretedAndModels"})
  void run_goldenTexts_everyTensorWithinTolerance(
      String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      Map<String, float[]> found = new HashMap<>();
      List<Readout> readouts = readouts(model);
      List<List<Matrix>> results =
          model.run(
              golden.texts(readouts), (name, rows) -> found.put(name, download(kernels, rows)));
      for (int r = 0; r < readouts.size(); r++) {
        int readout = r;
        List<Matrix> matrices = results.stream().map(text -> text.get(readout)).toList();
        addNamed(model, readouts.get(r), matrices, found);
      }
      List<String> failures = new ArrayList<>();
      for (String tensor : golden.tensors()) {
        assertThat(found).as("tensors computed").containsKey(tensor);
        compare(golden, tensor, found.get(tensor), failures);
      }
      assertThat(golden.tensors()).contains("embeddings", "hidden_states.1");
      assertThat(failures).isEmpty();
      System.out.printf(
          "golden %s on %s: %d tensors within tolerance%n",
          golden, backend, golden.tensors().size());
    }
  }

  /// The last layer computed for some rows only gives the bits that it gives when computed for all,
  /// whichever rows they are.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndModels")
  void run_fewRowsWanted_sameBitsAsAllRows(
      String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      List<List<Matrix>> all = model.run(golden.texts(List.of(new Readout.Hidden())));
      Map<String, float[]> selected = new HashMap<>();
      List<Readout> ends =
          List.of(
              new Readout.Pooled(List.of(Pooling.CLS), false),
              new Readout.Pooled(List.of(Pooling.LAST_TOKEN), false));
      List<List<Matrix>> few =
          model.run(
              golden.texts(ends), (name, rows) -> selected.put(name, download(kernels, rows)));
      String last = "hidden_states." + model.config().layers();
      assertThat(selected.get(last)).hasSize(2 * few.size() * model.hiddenSize());
      for (int t = 0; t < few.size(); t++) {
        Matrix hidden = all.get(t).getFirst();
        assertThat(few.get(t).getFirst().values()).as("text %d", t).isEqualTo(row(hidden, 0));
        assertThat(few.get(t).getLast().values())
            .as("text %d", t)
            .isEqualTo(row(hidden, hidden.rows() - 1));
      }
    }
  }

  /// Each text alone gives the bits that it gives among others, in any order, in batches of some
  /// and of hundreds of rows, whose texts ask for different things: whole texts and single rows of
  /// them.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndModels")
  void run_aloneOrTogether_sameBits(String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      List<List<Readout>> kinds = new ArrayList<>();
      readouts(model).forEach(readout -> kinds.add(List.of(readout)));
      kinds.add(List.of(new Readout.Pooled(List.of(Pooling.MAX, Pooling.MEAN), true)));
      List<TextInput> texts = new ArrayList<>();
      for (int t = 0; t < golden.texts(List.of()).size(); t++) {
        texts.add(golden.texts(kinds.get(t % kinds.size())).get(t));
      }
      List<float[]> alone = new ArrayList<>();
      for (TextInput text : texts) {
        alone.add(model.run(List.of(text)).getFirst().getFirst().values());
      }
      List<TextInput> many = new ArrayList<>();
      for (int copy = 0; copy < 5; copy++) {
        many.addAll(texts);
      }
      List<List<Matrix>> together = model.run(texts);
      List<List<Matrix>> among = model.run(many.reversed());
      for (int t = 0; t < many.size(); t++) {
        float[] expected = alone.get(t % texts.size());
        assertThat(among.get(many.size() - 1 - t).getFirst().values()).isEqualTo(expected);
        if (t < texts.size()) {
          assertThat(together.get(t).getFirst().values()).isEqualTo(expected);
        }
      }
    }
  }

  /// Breaks if a buffer that every old checkpoint has is told to its user as something odd.
  @Test
  void load_oldBuffers_areNoSurplus() {
    Golden golden =
        Golden.bundled().stream()
            .filter(candidate -> candidate.name().equals("bert-legacy-names"))
            .findFirst()
            .orElseThrow();
    try (Kernels kernels = Backends.open(Backends.usable().getFirst());
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      assertThat(folder.checkpoint().names()).contains("bert.embeddings.position_ids");
      assertThat(model.surplusTensors()).isEmpty();
    }
  }

  /// The same on interpreted kernels, which takes minutes.
  @Tag("soak")
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("interpretedAndModels")
  void run_onInterpretedKernels_sameBits(String backend, Golden golden, KernelsProvider provider) {
    run_fewRowsWanted_sameBitsAsAllRows(backend, golden, provider);
    run_aloneOrTogether_sameBits(backend, golden, provider);
  }

  /// All that the model can give.
  private static List<Readout> readouts(TextModel model) {
    List<Readout> readouts = new ArrayList<>();
    readouts.add(new Readout.Hidden());
    if (model.headKind() != HeadKind.NONE) {
      readouts.add(new Readout.Head());
    }
    if (model.hasPooler()) {
      readouts.add(new Readout.Pooler());
    }
    if (model.sentencePairOutputs() > 0) {
      readouts.add(new Readout.SentencePair());
    }
    return readouts;
  }

  /// Puts a readout's numbers under Hugging Face's name.
  private static void addNamed(
      TextModel model, Readout readout, List<Matrix> matrices, Map<String, float[]> found) {
    switch (readout) {
      case Readout.Head() -> {
        switch (model.headKind()) {
          case QUESTION_ANSWERING -> {
            found.put("start_logits", column(matrices, 0));
            found.put("end_logits", column(matrices, 1));
          }
          case PRETRAINING -> found.put("prediction_logits", concatenate(matrices));
          default -> found.put("logits", concatenate(matrices));
        }
      }
      case Readout.Pooler() -> found.put("pooler_output", concatenate(matrices));
      case Readout.SentencePair() ->
          found.put(
              model.config().modelType().equals("albert")
                  ? "sop_logits"
                  : "seq_relationship_logits",
              concatenate(matrices));
      default -> {}
    }
  }

  private static void compare(Golden golden, String tensor, float[] actual, List<String> failures) {
    float[] expected = golden.expected(tensor);
    if (expected.length != actual.length) {
      failures.add(tensor + ": " + actual.length + " numbers, expected " + expected.length);
      return;
    }
    double tolerance = golden.tolerance(tensor);
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs((double) expected[i] - actual[i]) <= tolerance)) {
        failures.add(
            "%s[%d]: %s, expected %s ± %s".formatted(tensor, i, actual[i], expected[i], tolerance));
        return;
      }
    }
  }

  private static float[] download(Kernels kernels, Tensor rows) {
    float[] values = new float[rows.rows() * rows.columns()];
    kernels.download(rows, values);
    return values;
  }

  private static float[] row(Matrix matrix, int row) {
    return Arrays.copyOfRange(
        matrix.values(), row * matrix.columns(), (row + 1) * matrix.columns());
  }

  private static float[] column(List<Matrix> matrices, int column) {
    float[] values = new float[matrices.stream().mapToInt(Matrix::rows).sum()];
    int at = 0;
    for (Matrix matrix : matrices) {
      for (int row = 0; row < matrix.rows(); row++) {
        values[at++] = matrix.at(row, column);
      }
    }
    return values;
  }

  private static float[] concatenate(List<Matrix> matrices) {
    float[] values = new float[matrices.stream().mapToInt(m -> m.values().length).sum()];
    int at = 0;
    for (Matrix matrix : matrices) {
      System.arraycopy(matrix.values(), 0, values, at, matrix.values().length);
      at += matrix.values().length;
    }
    return values;
  }
}
