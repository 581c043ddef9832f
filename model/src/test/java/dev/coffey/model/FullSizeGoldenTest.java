package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// DistilBERT at full size with generated weights, against Hugging Face in double precision: every
/// hidden state's mean, norm and samples, and the logits, at 8, 128 and 512 tokens.
final class FullSizeGoldenTest {
  private static final JsonNode GOLDEN = read();

  static List<KernelsProvider> backends() {
    return Backends.usable();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void run_fullSize_everyLayerWithinTolerance(KernelsProvider provider) throws IOException {
    Path path =
        GeneratedModel.distilBertBase(GOLDEN.get("seed").asLong())
            .write(Path.of("target", "generated", "distilbert-base-" + GOLDEN.get("seed")));
    List<String> failures = new ArrayList<>();
    try (Kernels kernels = Backends.open(provider);
        ModelFolder folder = ModelFolder.open(path);
        TextModel model = TextModel.load(folder, kernels)) {
      for (JsonNode expected : GOLDEN.get("cases")) {
        // The scalar oracle takes half a minute for 512 tokens; its formulas don't depend on the
        // length.
        if (provider.name().equals("scalar") && expected.get("length").asInt() > 128) {
          continue;
        }
        run(kernels, model, expected, failures);
      }
    }
    assertThat(failures).isEmpty();
  }

  private static void run(
      Kernels kernels, TextModel model, JsonNode expected, List<String> failures) {
    int[] ids = new int[expected.get("length").asInt()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = expected.get("input_ids").get(i).asInt();
    }
    TextInput text =
        new TextInput(
            ids,
            new int[ids.length],
            IntStream.range(0, ids.length).toArray(),
            List.of(new Readout.Hidden(), new Readout.Head()));
    List<float[]> layers = new ArrayList<>();
    List<List<Matrix>> results =
        model.run(
            List.of(text),
            (_, rows) -> {
              float[] values = new float[rows.rows() * rows.columns()];
              kernels.download(rows, values);
              layers.add(values);
            });
    for (JsonNode layer : expected.get("hidden_states")) {
      compareLayer(layers.get(layer.get("index").asInt()), model.hiddenSize(), layer, failures);
    }
    double tolerance = expected.get("logits_tolerance").asDouble();
    Matrix logits = results.getFirst().getLast();
    for (int i = 0; i < logits.columns(); i++) {
      compare("logits", i, logits.at(0, i), expected.get("logits").get(i), tolerance, failures);
    }
  }

  private static void compareLayer(
      float[] actual, int hidden, JsonNode layer, List<String> failures) {
    String name = "hidden_states." + layer.get("index").asInt();
    double tolerance = layer.get("tolerance").asDouble();
    double sum = 0;
    double squares = 0;
    for (float value : actual) {
      sum += value;
      squares += (double) value * value;
    }
    compare(name + " mean", 0, sum / actual.length, layer.get("mean"), tolerance, failures);
    // √n errors of at most the tolerance each, pointing the same way.
    double normTolerance = tolerance * Math.sqrt(actual.length);
    compare(name + " norm", 0, Math.sqrt(squares), layer.get("l2"), normTolerance, failures);
    for (JsonNode slice : layer.get("slices")) {
      int row = slice.get("position").asInt() * hidden;
      for (int i = 0; i < 8; i++) {
        compare(name, row + i, actual[row + i], slice.get("first8").get(i), tolerance, failures);
        int last = row + hidden - 8 + i;
        compare(name, last, actual[last], slice.get("last8").get(i), tolerance, failures);
      }
    }
  }

  private static void compare(
      String name,
      int index,
      double actual,
      JsonNode expected,
      double tolerance,
      List<String> failures) {
    if (!(Math.abs(actual - expected.asDouble()) <= tolerance)) {
      failures.add(
          "%s[%d]: %s, expected %s ± %s".formatted(name, index, actual, expected, tolerance));
    }
  }

  private static JsonNode read() {
    try {
      return new ObjectMapper()
          .readTree(Golden.root().resolve("full-size").resolve("full_size.json").toFile());
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
