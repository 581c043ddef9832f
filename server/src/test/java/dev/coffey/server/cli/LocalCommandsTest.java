package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Commands with `--local` on the built-in model: all of the way but the socket.
class LocalCommandsTest {
  private final Terminal terminal = new Terminal();

  private static JsonNode json(String line) {
    try {
      return new ObjectMapper().readTree(line);
    } catch (JsonProcessingException e) {
      throw new AssertionError(line, e);
    }
  }

  @Test
  void classify_arguments_printsLabelScoreAndText() {
    assertThat(
            terminal.run(
                "classify", "--local", "a charming and often affecting journey", "dull\tand slow"))
        .isZero();
    assertThat(terminal.out()).hasSize(2);
    assertThat(terminal.out().get(0))
        .matches("POSITIVE\t0\\.9[0-9]{3}\ta charming and often affecting journey");
    assertThat(terminal.out().get(1)).matches("NEGATIVE\t0\\.[0-9]{4}\tdull and slow");
    assertThat(terminal.err()).isEmpty();
  }

  @Test
  void classify_topK_printsThatMany() {
    assertThat(terminal.run("classify", "--local", "--top-k", "2", "superb")).isZero();
    assertThat(terminal.out().getFirst()).matches("POSITIVE\t[0-9.]+\tNEGATIVE\t[0-9.]+\tsuperb");
  }

  @Test
  void classify_manyLines_answersEachInOrderAndFailsForTheBadOnes() {
    // More than four requests' worth, so that the window of requests in flight moves.
    String tooLong = "word ".repeat(400);
    List<String> lines =
        IntStream.range(0, 300)
            .mapToObj(i -> i == 130 || i == 299 ? tooLong : "text number " + i)
            .collect(Collectors.toCollection(ArrayList::new));
    int code =
        terminal.typing(String.join("\n", lines) + "\n").run("classify", "--local", "--json");
    assertThat(code).isEqualTo(1);
    List<JsonNode> printed = terminal.out().stream().map(LocalCommandsTest::json).toList();
    assertThat(printed).hasSize(300);
    for (int i = 0; i < 300; i++) {
      JsonNode line = printed.get(i);
      assertThat(line.get("index").asInt()).isEqualTo(i);
      assertThat(line.get("text").asText()).isEqualTo(lines.get(i));
      if (lines.get(i).equals(tooLong)) {
        assertThat(line.get("error").get("code").asText()).isEqualTo("INVALID_ARGUMENT");
        assertThat(line.get("error").get("message").asText()).contains("truncation");
      } else {
        assertThat(line.get("labels")).hasSize(2);
        double sum = 0;
        for (JsonNode label : line.get("labels")) {
          sum += label.get("score").asDouble();
        }
        assertThat(sum).isCloseTo(1, within(1e-5));
        assertThat(line.get("tokens").asInt()).isGreaterThan(2);
        assertThat(line.get("model").asText()).isEqualTo(ModelSource.BUILT_IN);
      }
    }
  }

  @Test
  void classify_tooLong_isRefusedUnlessTruncated() {
    String text = "word ".repeat(400);
    assertThat(terminal.run("classify", "--local", text)).isEqualTo(1);
    assertThat(terminal.err())
        .singleElement()
        .asString()
        .startsWith("coffey: text 1: ")
        .contains("256");
    assertThat(terminal.run("classify", "--local", "--json", "--truncate", "right", text)).isZero();
    assertThat(json(terminal.out().getFirst()).get("cut").asInt()).isPositive();
  }

  @Test
  void classify_stdinNoUtf8_saysSoAfterTheLinesBefore() {
    byte[] bytes = {'o', 'k', '\n', (byte) 0xff, '\n'};
    assertThat(terminal.typing(bytes).run("classify", "--local")).isEqualTo(1);
    assertThat(terminal.err())
        .containsExactly("coffey: stdin is not UTF-8 text (somewhere after line 0)");
  }

  @Test
  void classify_unknownModel_namesNearOnes() {
    assertThat(terminal.run("classify", "--local", "--model", "distilbert-mini-sst3", "x"))
        .isEqualTo(1);
    assertThat(terminal.err())
        .singleElement()
        .asString()
        .contains("did you mean " + ModelSource.BUILT_IN);
  }

  @Test
  void embed_json_hasTheVector() {
    assertThat(terminal.run("embed", "--local", "--json", "--normalize", "superb")).isZero();
    JsonNode line = json(terminal.out().getFirst());
    assertThat(line.get("embedding")).hasSize(256);
    assertThat(line.get("dimensions").asInt()).isEqualTo(256);
    double squares = 0;
    for (JsonNode number : line.get("embedding")) {
      squares += number.asDouble() * number.asDouble();
    }
    assertThat(squares).isCloseTo(1, within(1e-5));
  }

  @Test
  void tokenize_plainAndJson_giveIdsAndPieces() {
    assertThat(terminal.run("tokenize", "--local", "charming")).isZero();
    assertThat(terminal.out().getFirst()).matches("2:\\[CLS] [0-9]+:charming 3:\\[SEP]\tcharming");
    assertThat(terminal.run("tokenize", "--local", "--json", "--without-specials", "charming"))
        .isZero();
    JsonNode line = json(terminal.out().get(1));
    assertThat(line.get("pieces")).hasSize(1);
    assertThat(line.get("spans").get(0).toString()).isEqualTo("[0,8]");
  }

  @Test
  void models_local_printsTheBuiltIn() {
    assertThat(terminal.run("models", "--local")).isZero();
    assertThat(terminal.out().getFirst())
        .startsWith("distilbert-mini-sst2\tversion 1\tready\tclassify");
    assertThat(terminal.run("models", "--local", "--json", "--backend", "scalar")).isZero();
    JsonNode line = json(terminal.out().get(1));
    assertThat(line.get("backend").asText()).isEqualTo("scalar");
    assertThat(line.get("labels").toString()).isEqualTo("[\"NEGATIVE\",\"POSITIVE\"]");
    assertThat(terminal.run("models", "--local", "--model", "other")).isEqualTo(1);
  }
}
