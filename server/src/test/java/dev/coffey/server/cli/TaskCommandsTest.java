package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A command a task, with `--local` on a small model that has its head.
class TaskCommandsTest {
  private final Terminal terminal = new Terminal();

  private static String models(String name) {
    return Path.of(
            URI.create(
                Objects.requireNonNull(
                        TaskCommandsTest.class
                            .getClassLoader()
                            .getResource("golden/pipelines/" + name))
                    .toString()))
        .toString();
  }

  private int run(String command, String model, String... arguments) {
    List<String> all = new ArrayList<>(List.of(command, "--local", "--models", models(model)));
    all.addAll(List.of(arguments));
    return terminal.run(all.toArray(String[]::new));
  }

  private JsonNode json(int line) {
    try {
      return new ObjectMapper().readTree(terminal.out().get(line));
    } catch (JsonProcessingException e) {
      throw new AssertionError(terminal.out().get(line), e);
    }
  }

  @Test
  void tag_json_givesEntitiesWithTheirPlaces() {
    String text = "Maria Keller moved from Basel .";
    assertThat(run("tag", "tokcls", "--json", "--aggregation", "first", text)).isZero();
    JsonNode entities = json(0).get("entities");
    assertThat(entities).isNotEmpty();
    for (JsonNode entity : entities) {
      assertThat(entity.get("label").textValue()).doesNotContain("B-");
      assertThat(text.substring(entity.get("start").intValue(), entity.get("end").intValue()))
          .isEqualTo(entity.get("text").textValue());
    }
    assertThat(json(0).get("model").textValue()).isEqualTo("tokcls");
  }

  @Test
  void answer_contextFile_printsThePieceAndItsScore(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("context.txt");
    Files.writeString(file, "The harbour master keeps a log.\nShips pay by length.\n");
    assertThat(run("answer", "qa", "--context-file", file.toString(), "What is kept?")).isZero();
    assertThat(terminal.out().getFirst()).matches("[^\t]+\t0\\.[0-9]{4}\tWhat is kept\\?");
  }

  @Test
  void answer_noContext_isWrongUsage() {
    assertThat(run("answer", "qa", "What is kept?")).isEqualTo(2);
    assertThat(terminal.err().getFirst()).contains("--context").contains("--context-file");
  }

  @Test
  void fillMask_json_givesCandidatesForEachMask() {
    assertThat(run("fill-mask", "fillmask", "--json", "--top-k", "2", "a [MASK] of [MASK]", "none"))
        .isEqualTo(1);
    assertThat(json(0).get("masks")).hasSize(2);
    assertThat(json(0).get("masks").get(0)).hasSize(2);
    assertThat(json(0).get("masks").get(0).get(0).get("sentence").textValue()).contains("of");
    assertThat(json(1).get("error").get("message").textValue()).contains("[MASK]");
  }

  @Test
  void zeroShot_labels_printsTheBest() {
    assertThat(run("zero-shot", "nli", "--labels", "sports, business", "Two clubs agreed a fee."))
        .isZero();
    assertThat(terminal.out().getFirst())
        .matches("(sports|business)\t0\\.[0-9]{4}\tTwo clubs agreed a fee\\.");
  }

  @Test
  void rank_lines_printsThemBestFirst() {
    terminal.typing("ships pay\nbees dance in the dark\na log\n");
    assertThat(run("rank", "cross-encoder", "--json", "--query", "bees", "--top-k", "2")).isZero();
    assertThat(terminal.out()).hasSize(2);
    assertThat(json(0).get("score").doubleValue())
        .isGreaterThanOrEqualTo(json(1).get("score").doubleValue());
    assertThat(json(0).get("text").textValue())
        .isEqualTo(
            List.of("ships pay", "bees dance in the dark", "a log")
                .get(json(0).get("index").intValue()));
  }

  @Test
  void summarize_ratio_printsSomeSentences() {
    assertThat(
            run(
                "summarize",
                "st-mean-norm",
                "--json",
                "--ratio",
                "0.5",
                "One is. Two was. Three had. Four came."))
        .isZero();
    assertThat(json(0).get("sentences")).hasSize(2);
  }

  @Test
  void embed_dimensionsAndPrompt_areObeyed() {
    String[] query = {"--json", "--dimensions", "3", "--prompt-name", "query", "a text"};
    assertThat(run("embed", "st-last-prompts", query)).isZero();
    assertThat(json(0).get("embedding")).hasSize(3);
    assertThat(run("embed", "st-last-prompts", "--json", "--dimensions", "3", "a text")).isZero();
    // The folder's default prompt is another.
    assertThat(json(1).get("embedding")).hasSize(3).isNotEqualTo(json(0).get("embedding"));
    assertThat(run("embed", "st-last-prompts", "--prompt-name", "none", "a text")).isEqualTo(1);
    assertThat(terminal.err().getLast()).contains("'none'").contains("query");
  }

  @Test
  void detokenize_ids_printsTheText() {
    assertThat(run("detokenize", "textcls", "2 157 597 3")).isZero();
    assertThat(terminal.out().getFirst()).startsWith("the best\t2 157 597 3");
    assertThat(run("detokenize", "textcls", "2 x")).isEqualTo(1);
    assertThat(terminal.err().getLast()).contains("'x' is no token id");
  }
}
