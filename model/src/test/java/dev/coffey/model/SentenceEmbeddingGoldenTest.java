package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.SentenceConfig;
import dev.coffey.model.task.Embedding;
import dev.coffey.model.tokenize.Encoding;
import dev.coffey.model.tokenize.Tokenizer;
import dev.coffey.model.tokenize.Truncation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Text to vectors against sentence-transformers' `encode`, on every backend: folders of its old
/// and its new layout, every pooling, several at once, Dense, Normalize, prompts, cut vectors.
///
/// Would break by a Dense layer left out, another activation, a scaling before it, a prompt that is
/// not put before the text.
final class SentenceEmbeddingGoldenTest {
  static Stream<Arguments> backends() {
    return Backends.usable().stream().map(backend -> Arguments.of(backend.name(), backend));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("backends")
  void encode_folders_equalSentenceTransformers(String backend, KernelsProvider provider)
      throws IOException {
    int checked = 0;
    for (Map.Entry<String, List<JsonNode>> model : casesByModel().entrySet()) {
      Path folder = Golden.root().resolve(model.getKey());
      try (Kernels kernels = Backends.open(provider);
          ModelFolder files = ModelFolder.open(folder);
          TextModel loaded = TextModel.load(files, kernels);
          Tokenizer tokenizer = Tokenizer.load(folder)) {
        for (JsonNode c : model.getValue()) {
          check(files.sentence().orElseThrow(), loaded, tokenizer, c);
          checked++;
        }
      }
    }
    assertThat(checked).isGreaterThan(10);
    System.out.printf("sentence-embedding on %s: %d cases equal%n", backend, checked);
  }

  private static void check(
      SentenceConfig sentence, TextModel model, Tokenizer tokenizer, JsonNode c) {
    assertThat(sentence.unsupported()).isEmpty();
    JsonNode params = c.get("params");
    int limit = Math.min(model.maxPositions(), tokenizer.modelMaxTokens().orElseThrow());
    limit = Math.min(limit, sentence.maxTokens().orElse(limit));
    for (int i = 0; i < c.get("input").size(); i++) {
      String text = prompt(sentence, params) + c.get("input").get(i).textValue();
      Encoding encoding = tokenizer.encode(text, null, Truncation.RIGHT, limit);
      float[] vector =
          Embedding.prepare(
                  List.of(encoding),
                  sentence.readout(),
                  params.path("truncate_dim").asInt(0),
                  params.path("normalize_embeddings").asBoolean(false))
              .run(model);
      JsonNode expected = c.get("expected").get(i);
      assertThat(vector).as(c.get("id") + " text " + i).hasSize(expected.size());
      for (int d = 0; d < vector.length; d++) {
        double number = expected.get(d).doubleValue();
        assertThat(Math.abs(vector[d] - number))
            .as("%s text %d [%d]: %s, expected %s", c.get("id"), i, d, vector[d], number)
            .isLessThanOrEqualTo(c.get("tolerance").doubleValue() * Math.max(1, Math.abs(number)));
      }
    }
  }

  private static String prompt(SentenceConfig sentence, JsonNode params) {
    if (params.has("prompt")) {
      return params.get("prompt").textValue();
    }
    return Optional.ofNullable(params.path("prompt_name").textValue())
        .or(sentence::defaultPrompt)
        .map(name -> sentence.prompts().get(name))
        .orElse("");
  }

  private static Map<String, List<JsonNode>> casesByModel() throws IOException {
    Map<String, List<JsonNode>> cases = new LinkedHashMap<>();
    for (JsonNode c :
        new ObjectMapper()
            .readTree(Golden.root().resolve("pipelines.json").toFile())
            .get("cases")) {
      if (c.get("task").textValue().equals("sentence-embedding")) {
        cases.computeIfAbsent(c.get("model").textValue(), _ -> new ArrayList<>()).add(c);
      }
    }
    return cases;
  }
}
