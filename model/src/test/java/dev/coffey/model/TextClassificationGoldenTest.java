package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.task.Classification;
import dev.coffey.model.task.LabelScore;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Text to labels against Hugging Face's text-classification pipeline, on every backend: awkward
/// texts, pairs, truncation, every score function, top_k.
final class TextClassificationGoldenTest {
  static Stream<Arguments> backends() {
    return Backends.usable().stream().map(backend -> Arguments.of(backend.name(), backend));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void labels_pipelineInputs_equalHuggingFace(String backend, KernelsProvider provider)
      throws IOException {
    Path folder = Golden.root().resolve("pipelines/textcls");
    try (Kernels kernels = Backends.open(provider);
        ModelFolder files = ModelFolder.open(folder);
        TextModel model = TextModel.load(files, kernels);
        Tokenizer tokenizer = Tokenizer.load(folder)) {
      int checked = 0;
      for (JsonNode c : cases("pipelines/textcls")) {
        check(model, tokenizer, c);
        checked++;
      }
      assertThat(checked).isGreaterThan(50);
      System.out.printf("text-classification on %s: %d cases equal%n", backend, checked);
    }
  }

  private static void check(TextModel model, Tokenizer tokenizer, JsonNode c) {
    JsonNode input = c.get("input");
    String text = input.isTextual() ? input.textValue() : input.get("text").textValue();
    String pair = input.isTextual() ? null : input.get("text_pair").textValue();
    int limit = Math.min(model.maxPositions(), tokenizer.modelMaxTokens().orElseThrow());
    Encoding encoding = tokenizer.encode(text, pair, Truncation.RIGHT, limit);
    TextInput read =
        new TextInput(
            encoding.ids(),
            encoding.types(),
            IntStream.range(0, encoding.tokens()).toArray(),
            List.of(new Readout.Head()));
    float[] logits = model.run(List.of(read)).getFirst().getFirst().values();
    JsonNode params = c.get("params");
    ScoreFunction function =
        params.has("function_to_apply")
            ? ScoreFunction.valueOf(
                params.get("function_to_apply").textValue().toUpperCase(Locale.ROOT))
            : model.config().scoreFunction();
    List<LabelScore> labels =
        Classification.labels(
            logits, model.config().labels(), function, params.path("top_k").asInt(0));
    JsonNode expected = c.get("expected");
    assertThat(labels)
        .as(c.toString())
        .extracting(LabelScore::label)
        .containsExactlyElementsOf(expected.findValuesAsText("label"));
    for (int i = 0; i < labels.size(); i++) {
      double score = expected.get(i).get("score").doubleValue();
      assertThat(Math.abs(labels.get(i).score() - score))
          .as(c.get("id") + " " + labels.get(i) + ", expected " + score)
          .isLessThanOrEqualTo(c.get("tolerance").doubleValue() * Math.max(1, Math.abs(score)));
    }
  }

  private static List<JsonNode> cases(String model) throws IOException {
    List<JsonNode> cases = new ArrayList<>();
    for (JsonNode c :
        new ObjectMapper()
            .readTree(Golden.root().resolve("pipelines.json").toFile())
            .get("cases")) {
      if (c.get("task").textValue().equals("text-classification")
          && c.get("model").textValue().equals(model)) {
        cases.add(c);
      }
    }
    return cases;
  }
}
