package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `coffey bench` on a small checkpoint: that it measures and reports, not how fast it is.
class BenchTest {
  private final Terminal terminal = new Terminal();

  private static String model() throws URISyntaxException {
    URL config =
        Objects.requireNonNull(
            BenchTest.class.getResource("/golden/models/distilbert-seqcls/config.json"));
    return Path.of(config.toURI()).getParent().toString();
  }

  private static JsonNode json(Path file) throws IOException {
    return new ObjectMapper().readTree(file.toFile());
  }

  @Test
  void model_smallShapes_printsATableAndWritesTheReport(@TempDir Path folder) throws Exception {
    Path report = folder.resolve("bench.json");
    Path page = folder.resolve("bench.html");
    int code =
        terminal.run(
            "bench",
            "model",
            "--models",
            model(),
            "--shapes",
            "1x8,4x16",
            "--mixes",
            "uniform:3:40",
            "--rounds",
            "2",
            "--slice",
            "0.01",
            "--warm-up",
            "0",
            "--json",
            report.toString(),
            "--html",
            page.toString());
    assertThat(terminal.err()).isEmpty();
    assertThat(code).isZero();
    JsonNode rows = json(report).at("/model/rows");
    assertThat(rows).hasSize(3);
    assertThat(rows.findValuesAsText("workload"))
        .containsExactly("1 x 8", "4 x 16", "uniform:3:40 in batches of 8");
    for (JsonNode row : rows) {
      assertThat(row.at("/results/0/texts_per_second/median").asDouble()).isPositive();
    }
    assertThat(String.join("\n", terminal.out())).contains("4 x 16");
    assertThat(Files.readString(page)).contains("uniform:3:40 in batches of 8");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          bench | say what to measure
          bench model --shapes 8 | --shapes = 8: expected TEXTSxTOKENS
          bench model --shapes 1x65 | --shapes = 1x65: texts of 2 to 64 tokens
          bench model --slice=-1 | --slice = -1.0: must be 0 to 3600
          bench peers | no peer
          bench peers --onnx a.onnx | belong together
          """)
  void bench_wrongUsage_saysWhat(String line, String message) throws URISyntaxException {
    String models = line.equals("bench") ? "" : " --models " + model();
    assertThat(terminal.run((line + models).split(" "))).isEqualTo(2);
    assertThat(terminal.err()).singleElement().asString().contains(message);
  }
}
