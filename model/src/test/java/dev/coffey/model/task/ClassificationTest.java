package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.coffey.model.ScoreFunction;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class ClassificationTest {
  private static final List<String> LABELS = List.of("a", "b", "c", "d");

  @Test
  void labels_softmax_areProbabilitiesBestFirst() {
    List<LabelScore> labels =
        Classification.labels(new float[] {1, 3, 2, 0}, LABELS, ScoreFunction.SOFTMAX, 0);
    assertThat(labels).extracting(LabelScore::label).containsExactly("b", "c", "a", "d");
    assertThat(labels).extracting(LabelScore::index).containsExactly(1, 2, 0, 3);
    double sum = 1 + Math.exp(-1) + Math.exp(-2) + Math.exp(-3);
    assertThat(labels.get(0).score()).isEqualTo((float) (1 / sum));
    assertThat(labels.get(3).score()).isEqualTo((float) (Math.exp(-3) / sum));
  }

  /// Without the largest taken off first this is NaN.
  @Test
  void labels_softmaxOfHugeLogits_doesNotOverflow() {
    List<LabelScore> labels =
        Classification.labels(
            new float[] {3e38f, -3e38f, 3e38f, 0}, LABELS, ScoreFunction.SOFTMAX, 0);
    assertThat(labels).extracting(LabelScore::score).containsExactly(0.5f, 0.5f, 0f, 0f);
    assertThat(labels).extracting(LabelScore::label).containsExactly("a", "c", "b", "d");
  }

  @Test
  void labels_sigmoid_scoresEachLabelByItself() {
    List<LabelScore> labels =
        Classification.labels(new float[] {0, 200, -200, 1}, LABELS, ScoreFunction.SIGMOID, 0);
    assertThat(labels).extracting(LabelScore::label).containsExactly("b", "d", "a", "c");
    assertThat(labels.get(0).score()).isEqualTo(1);
    assertThat(labels.get(1).score()).isCloseTo(0.7310586f, within(1e-7f));
    assertThat(labels.get(2).score()).isEqualTo(0.5f);
    assertThat(labels.get(3).score()).isZero();
  }

  @Test
  void labels_none_keepsTheLogits() {
    assertThat(Classification.labels(new float[] {-1, 5, 2.5f, 0}, LABELS, ScoreFunction.NONE, 0))
        .containsExactly(
            new LabelScore(1, "b", 5),
            new LabelScore(2, "c", 2.5f),
            new LabelScore(3, "d", 0),
            new LabelScore(0, "a", -1));
  }

  @Test
  void labels_equalScores_stayInTheConfigsOrder() {
    assertThat(Classification.labels(new float[] {1, 2, 1, 2}, LABELS, ScoreFunction.SOFTMAX, 0))
        .extracting(LabelScore::label)
        .containsExactly("b", "d", "a", "c");
  }

  @Test
  void labels_topK_keepsTheBest() {
    float[] logits = {1, 3, 2, 0};
    assertThat(Classification.labels(logits, LABELS, ScoreFunction.NONE, 2))
        .extracting(LabelScore::label)
        .containsExactly("b", "c");
    assertThat(Classification.labels(logits, LABELS, ScoreFunction.NONE, 9)).hasSize(4);
  }

  /// The pipeline's answers without a function are the logits of its answers with one.
  @Test
  void labels_logitsOfThePipeline_giveItsScores() throws IOException {
    JsonNode cases;
    try (InputStream in =
        Objects.requireNonNull(
            ClassificationTest.class.getResourceAsStream("/golden/pipelines.json"))) {
      cases = new JsonMapper().readTree(in).get("cases");
    }
    Map<String, JsonNode> logitsOf = new HashMap<>();
    for (JsonNode c : cases) {
      if (c.at("/params/function_to_apply").asText().equals("none")) {
        logitsOf.put(c.get("model") + c.get("input").toString(), c.get("expected"));
      }
    }
    int checked = 0;
    for (JsonNode c : cases) {
      JsonNode logits = logitsOf.get(c.get("model") + c.get("input").toString());
      if (!c.get("task").textValue().equals("text-classification") || logits == null) {
        continue;
      }
      boolean multiLabel = c.get("model").textValue().endsWith("multilabel");
      ScoreFunction function =
          ScoreFunction.valueOf(
              c.at("/params/function_to_apply")
                  .asText(multiLabel ? "sigmoid" : "softmax")
                  .toUpperCase(Locale.ROOT));
      List<String> names = logits.findValuesAsText("label");
      float[] values = new float[names.size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = logits.get(i).get("score").floatValue();
      }
      List<LabelScore> labels =
          Classification.labels(values, names, function, c.at("/params/top_k").asInt(0));
      JsonNode expected = c.get("expected");
      assertThat(labels)
          .as(c.toString())
          .extracting(LabelScore::label)
          .containsExactlyElementsOf(expected.findValuesAsText("label"));
      for (int i = 0; i < labels.size(); i++) {
        double score = expected.get(i).get("score").doubleValue();
        assertThat((double) labels.get(i).score())
            .as(c.toString())
            .isCloseTo(
                score, within(c.get("tolerance").doubleValue() * Math.max(1, Math.abs(score))));
      }
      checked++;
    }
    assertThat(checked).isGreaterThan(90);
  }

  @Test
  void labels_wrongCounts_areRefused() {
    assertThatThrownBy(() -> Classification.labels(new float[3], LABELS, ScoreFunction.NONE, 0))
        .hasMessage("classification: 3 logits for 4 labels");
    assertThatThrownBy(() -> Classification.labels(new float[4], LABELS, ScoreFunction.NONE, -1))
        .hasMessage("top_k is -1; expected 0 (all) or more");
  }
}
