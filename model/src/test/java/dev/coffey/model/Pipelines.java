package dev.coffey.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.model.checkpoint.ModelFolder;
import dev.coffey.model.checkpoint.RankConfig;
import dev.coffey.model.checkpoint.SentenceConfig;
import dev.coffey.model.tokenize.Tokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The cases of `pipelines.json`: what Hugging Face's pipelines answer, text to answer.
final class Pipelines {
  private Pipelines() {}

  /// A model's folder opened for a pipeline.
  ///
  /// @param maxTokens the longest text in tokens
  record Pipeline(
      TextModel model,
      Tokenizer tokenizer,
      Optional<SentenceConfig> sentence,
      RankConfig rank,
      int maxTokens) {}

  /// Checks one case; throws an AssertionError if the answer is another.
  @FunctionalInterface
  interface Check {
    void check(Pipeline pipeline, Case c);
  }

  /// One case.
  record Case(JsonNode json) {
    JsonNode params() {
      return json.get("params");
    }

    JsonNode input() {
      return json.get("input");
    }

    JsonNode expected() {
      return json.get("expected");
    }

    /// Whether the pipeline refuses the input.
    boolean fails() {
      return expected().has("error");
    }

    int topK() {
      return params().path("top_k").asInt(0);
    }

    /// Within the case's tolerance, relative above 1.
    void assertNumber(double actual, JsonNode expected, Object what) {
      double number = expected.doubleValue();
      assertThat(Math.abs(actual - number))
          .as("%s: %s is %s, expected %s", json.get("id"), what, actual, number)
          .isLessThanOrEqualTo(json.get("tolerance").doubleValue() * Math.max(1, Math.abs(number)));
    }

    @Override
    public String toString() {
      return json.get("id") + " " + params() + " " + input();
    }
  }

  /// Runs all cases of a task on one backend, each model opened once, and says how many there were.
  static void check(KernelsProvider provider, String task, Check check) {
    Map<String, List<Case>> byModel = new LinkedHashMap<>();
    for (JsonNode json : json().get("cases")) {
      if (json.get("task").textValue().equals(task)) {
        byModel
            .computeIfAbsent(json.get("model").textValue(), _ -> new ArrayList<>())
            .add(new Case(json));
      }
    }
    assertThat(byModel).as("cases of " + task).isNotEmpty();
    byModel.forEach((folder, cases) -> {
      check(provider, Golden.root().resolve(folder), cases, check);
      System.out.printf(
          "%s, %s on %s: %d cases equal%n", task, folder, provider.name(), cases.size());
    });
  }

  private static void check(KernelsProvider provider, Path folder, List<Case> cases, Check check) {
    try (Kernels kernels = Backends.open(provider);
        ModelFolder files = ModelFolder.open(folder);
        TextModel model = TextModel.load(files, kernels);
        Tokenizer tokenizer = Tokenizer.load(folder)) {
      int limit =
          Math.min(model.maxPositions(), tokenizer.modelMaxTokens().orElse(Integer.MAX_VALUE));
      int sentenceLimit = files.sentence().map(s -> s.maxTokens().orElse(limit)).orElse(limit);
      Pipeline pipeline =
          new Pipeline(
              model, tokenizer, files.sentence(), files.rank(), Math.min(limit, sentenceLimit));
      cases.forEach(c -> check.check(pipeline, c));
    }
  }

  private static JsonNode json() {
    try {
      return new ObjectMapper().readTree(Golden.root().resolve("pipelines.json").toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
