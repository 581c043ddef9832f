package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `coffey eval` in its own process on tiny files. That metrics are right is the metrics' own test;
/// here it is that each answer meets its right one.
class EvalTest {
  @TempDir private Path folder;
  private final Terminal terminal = new Terminal();

  private String file(String name, String content) throws Exception {
    return Files.writeString(folder.resolve(name), content).toString();
  }

  private static String models(String name) {
    return Path.of(
            URI.create(
                Objects.requireNonNull(
                        EvalTest.class.getClassLoader().getResource("golden/pipelines/" + name))
                    .toString()))
        .toString();
  }

  private JsonNode json() throws Exception {
    return new ObjectMapper().readTree(terminal.out().getLast());
  }

  @Test
  void classify_builtInModel_countsRightLabelsByNumberNameAndMap() throws Exception {
    String data =
        file(
            "data.tsv",
            "sentence\tlabel\nsuperb\t1\ndull and slow\tNEGATIVE\na charming journey\tgood\nsuperb\t0\n");
    assertThat(
            terminal.run(
                "eval",
                "classify",
                "--data",
                data,
                "--text",
                "sentence",
                "--label",
                "label",
                "--map",
                "good=POSITIVE",
                "--json"))
        .isZero();
    assertThat(json().get("items").intValue()).isEqualTo(4);
    assertThat(json().get("accuracy").doubleValue()).isEqualTo(0.75);
    // Of POSITIVE: 2 of 2 right ones found, 3 given.
    assertThat(json().get("f1").doubleValue()).isCloseTo(0.8, within(1e-12));
    assertThat(String.join("\n", terminal.err())).contains("4 of 4");
  }

  @Test
  void classify_labelThatTheModelHasNot_isSaidBeforeAnythingIsComputed() throws Exception {
    String data = file("data.tsv", "superb\tham\n");
    assertThat(terminal.run("eval", "classify", "--data", data)).isEqualTo(1);
    assertThat(terminal.err().getLast()).contains("'ham'").contains("NEGATIVE").contains("--map");
  }

  @Test
  void answer_rightAnswersThatAreTheGivenOnes_areAllExact() throws Exception {
    String context = "The harbour master keeps a log of every ship.";
    assertThat(
            terminal.run(
                "answer", "--local", "--models", models("qa"), "--context", context, "What?"))
        .isZero();
    String given = terminal.out().getLast().split("\t")[0];
    String data =
        file(
            "squad.json",
            """
            {"data": [{"paragraphs": [{"context": "%s", "qas": [
              {"id": "1", "question": "What?", "answers": [{"text": "%s"}]}]}]}]}
            """
                .formatted(context, given));
    assertThat(terminal.run("eval", "answer", "--models", models("qa"), "--data", data, "--json"))
        .isZero();
    assertThat(json().get("exact_match").doubleValue()).isEqualTo(1);
    assertThat(json().get("f1").doubleValue()).isEqualTo(1);
  }

  @Test
  void tag_conll_givesEntityScores() throws Exception {
    String data = file("data.conll", "Maria\tB-PER\nKeller\tI-PER\nmoved\tO\n\nOslo\tB-LOC\n");
    assertThat(terminal.run("eval", "tag", "--models", models("tokcls"), "--data", data, "--json"))
        .isZero();
    assertThat(json().get("items").intValue()).isEqualTo(2);
    for (String metric : new String[] {"precision", "recall", "f1", "word_accuracy"}) {
      assertThat(json().get(metric).doubleValue()).isBetween(0.0, 1.0);
    }
  }

  @Test
  void similarity_pairs_giveCorrelations() throws Exception {
    String data =
        file("data.tsv", "5\ta fine film\ta fine film\n1\ta fine film\tdull\n2\tbees\tships pay\n");
    assertThat(
            terminal.run(
                "eval",
                "similarity",
                "--models",
                models("st-mean-norm"),
                "--data",
                data,
                "--text",
                "2",
                "--pair",
                "3",
                "--label",
                "1",
                "--json"))
        .isZero();
    assertThat(json().get("spearman").doubleValue()).isPositive();
    assertThat(json().get("pearson").doubleValue()).isPositive();
  }
}
