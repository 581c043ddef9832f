package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.Tensor;
import dev.coffey.model.checkpoint.ModelFolder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The DistilBERT forward pass against Hugging Face's numbers, layer by layer by name, on every
/// backend.
///
/// Would break by any wrong formula: a missing residual, another epsilon, tanh GELU for erf, a
/// wrong stack order of query, key and value.
final class DistilBertGoldenTest {
  static Stream<Arguments> backendsAndModels() {
    List<Golden> goldens = Golden.family("distilbert");
    return Backends.usable().stream()
        .flatMap(backend -> goldens.stream().map(g -> Arguments.of(backend.name(), g, backend)));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndModels")
  void run_goldenTexts_everyLayerWithinTolerance(
      String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      Map<String, float[]> found = new HashMap<>();
      List<Readout> readouts =
          model.headKind() == HeadKind.NONE
              ? List.of(new Readout.Hidden())
              : List.of(new Readout.Hidden(), new Readout.Head());
      List<List<Matrix>> results =
          model.run(
              texts(golden, readouts), (name, rows) -> found.put(name, download(kernels, rows)));
      addHead(model, results, found);
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

  /// The last layer computed for some rows only gives the bits that it gives when computed for all.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndModels")
  void run_fewRowsWanted_sameBitsAsAllRows(
      String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      List<List<Matrix>> all = model.run(texts(golden, List.of(new Readout.Hidden())));
      Map<String, float[]> selected = new HashMap<>();
      List<TextInput> few =
          golden.inputIds().stream()
              .map(ids -> text(ids, List.of(new Readout.Pooled(CLS, false))))
              .toList();
      List<List<Matrix>> first =
          model.run(few, (name, rows) -> selected.put(name, download(kernels, rows)));
      String last = "hidden_states." + model.config().layers();
      assertThat(selected.get(last)).hasSize(few.size() * model.hiddenSize());
      for (int t = 0; t < few.size(); t++) {
        float[] expected = row(all.get(t).getFirst(), 0);
        assertThat(first.get(t).getFirst().values()).as("text %d", t).containsExactly(expected);
      }
    }
  }

  /// Each text alone gives the bits that it gives in a batch, and in a batch of another order.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndModels")
  void run_aloneOrTogether_sameBits(String backend, Golden golden, KernelsProvider provider) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(golden.folder());
        TextModel model = TextModel.load(folder, kernels)) {
      List<TextInput> texts = texts(golden, List.of(new Readout.Hidden()));
      List<List<Matrix>> together = model.run(texts);
      List<List<Matrix>> reversed = model.run(texts.reversed());
      for (int t = 0; t < texts.size(); t++) {
        float[] alone = model.run(List.of(texts.get(t))).getFirst().getFirst().values();
        assertThat(together.get(t).getFirst().values()).containsExactly(alone);
        assertThat(reversed.get(texts.size() - 1 - t).getFirst().values()).containsExactly(alone);
      }
    }
  }

  private static final List<dev.coffey.kernels.Pooling> CLS =
      List.of(dev.coffey.kernels.Pooling.CLS);

  private static void addHead(
      TextModel model, List<List<Matrix>> results, Map<String, float[]> found) {
    if (model.headKind() == HeadKind.NONE) {
      return;
    }
    List<Matrix> logits = results.stream().map(List::getLast).toList();
    if (model.headKind() == HeadKind.QUESTION_ANSWERING) {
      found.put("start_logits", column(logits, 0));
      found.put("end_logits", column(logits, 1));
    } else {
      found.put("logits", concatenate(logits));
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

  private static List<TextInput> texts(Golden golden, List<Readout> readouts) {
    return golden.inputIds().stream().map(ids -> text(ids, readouts)).toList();
  }

  private static TextInput text(int[] ids, List<Readout> readouts) {
    return new TextInput(
        ids, new int[ids.length], IntStream.range(0, ids.length).toArray(), readouts);
  }

  private static float[] download(Kernels kernels, Tensor rows) {
    float[] values = new float[rows.rows() * rows.columns()];
    kernels.download(rows, values);
    return values;
  }

  private static float[] row(Matrix matrix, int row) {
    return java.util.Arrays.copyOfRange(
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
