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

  @Test
  void server_ofItsOwn_isLoadedOverASocket(@TempDir Path folder) throws Exception {
    Path report = folder.resolve("bench.json");
    int code =
        terminal.run(
            "bench",
            "server",
            "--models",
            model(),
            "--mix",
            "uniform:4:60",
            "--vocabulary",
            "131",
            "--clients",
            "1,3",
            "--loads",
            "0.5",
            "--seconds",
            "0.3",
            "--deadline",
            "5",
            "--overhead",
            "20",
            "--json",
            report.toString());
    assertThat(terminal.err()).isEmpty();
    assertThat(code).isZero();
    JsonNode server = json(report).at("/servers/coffey uniform:4:60");
    assertThat(server.get("peak").asDouble()).isPositive();
    assertThat(server.get("closed")).hasSize(2);
    assertThat(server.get("open")).hasSize(1);
    assertThat(server.at("/open/0/offered").asDouble()).isPositive();
    for (JsonNode step : server.get("closed")) {
      assertThat(step.get("answered").asLong()).isPositive();
      assertThat(step.at("/latency/p50").asDouble()).isPositive();
      assertThat(step.at("/server/compute_millis").asDouble()).isPositive();
      assertThat(step.at("/server/batch_texts").asDouble()).isBetween(1.0, 3.0);
    }
    assertThat(server.at("/overhead/allocated_bytes").asDouble()).isPositive();
    assertThat(server.at("/overhead/request").asDouble())
        .isGreaterThan(server.at("/overhead/compute").asDouble());
  }

  // Breaks if what the server answered is called an internal error, without the remedy.
  @Test
  void server_idsBeyondTheVocabulary_saysWhatToGive() throws Exception {
    int code =
        terminal.run(
            "bench", "server", "--models", model(), "--mix", "fixed:8", "--seconds", "0.1");
    assertThat(code).isEqualTo(1);
    assertThat(terminal.err())
        .last()
        .asString()
        .startsWith("coffey: ")
        .contains("requests failed: INVALID_ARGUMENT: ")
        .endsWith("; ids are below --vocabulary = 30000: give the model's");
  }

  @Test
  void server_otherTarget_isLoadedByItsNameAndBesideTheFirst(@TempDir Path folder)
      throws Exception {
    Path report = folder.resolve("bench.json");
    Surroundings surroundings = terminal.surroundings();
    BenchOptions options = new BenchOptions();
    try (OwnServer own =
        OwnServer.start(surroundings, options.config(surroundings), Path.of(model()))) {
      for (String name : new String[] {"one", "two"}) {
        int code =
            terminal.run(
                "bench",
                "server",
                "--target",
                own.target(),
                "--model",
                own.model(),
                "--metrics",
                own.metricsUrl().toString(),
                "--name",
                name,
                "--mix",
                "fixed:9",
                "--vocabulary",
                "131",
                "--clients",
                "2",
                "--loads",
                "0.5",
                "--rates",
                "20",
                "--seconds",
                "0.2",
                "--json",
                report.toString());
        assertThat(terminal.err()).isEmpty();
        assertThat(code).isZero();
      }
      JsonNode servers = json(report).get("servers");
      assertThat(servers).hasSize(2);
      assertThat(servers.at("/two fixed:9/open/1/offered").asDouble()).isEqualTo(20);
      assertThat(servers.at("/two fixed:9/mean_tokens").asDouble()).isEqualTo(9);
      assertThat(
              terminal.run(
                  "bench",
                  "server",
                  "--target",
                  own.target(),
                  "--model",
                  "nobody",
                  "--seconds",
                  "0.2"))
          .isEqualTo(1);
      assertThat(terminal.err()).last().asString().contains("requests failed", "nobody");
    }
  }

  @Test
  void peers_onnxRuntimeAndAnother_areComparedAndStreamed(@TempDir Path folder) throws Exception {
    Path report = folder.resolve("bench.json");
    Path page = folder.resolve("bench.html");
    URL onnx =
        Objects.requireNonNull(
            BenchTest.class.getResource("/dev/coffey/server/bench/distilbert-seqcls.onnx"));
    String jar =
        ai.onnxruntime.OrtEnvironment.class
            .getProtectionDomain()
            .getCodeSource()
            .getLocation()
            .getPath();
    int code =
        terminal.run(
            "bench",
            "peers",
            "--models",
            model(),
            "--onnx",
            Path.of(onnx.toURI()).toString(),
            "--onnxruntime",
            jar,
            "--shapes",
            "2x9",
            "--rounds",
            "1",
            "--slice",
            "0.01",
            "--warm-up",
            "0",
            "--stream",
            "9",
            "--mix",
            "uniform:4:60",
            "--json",
            report.toString(),
            "--html",
            page.toString());
    assertThat(terminal.err()).isEmpty();
    assertThat(code).isZero();
    JsonNode results = json(report).at("/peers/rows/0/results");
    assertThat(results.findValuesAsText("name")).containsExactly("coffey", "onnxruntime");
    assertThat(results.at("/1/ratio/median").asDouble()).isPositive();
    assertThat(json(report).at("/stream/results").findValuesAsText("name"))
        .containsExactly(
            "coffey", "onnxruntime, batches of 8", "onnxruntime, batches of 8 sorted by length");
    assertThat(json(report).at("/stream/texts").asInt()).isEqualTo(9);
    assertThat(json(report).at("/peers/command").asText())
        .contains("--onnx distilbert-seqcls.onnx")
        .doesNotContain(folder.toString());
  }

  @Test
  void kernels_smallSizes_areMeasuredHotAndCold(@TempDir Path folder) throws Exception {
    Path report = folder.resolve("bench.json");
    int code =
        terminal.run(
            "bench",
            "kernels",
            "--hot",
            "3",
            "--cold",
            "2",
            "--slices",
            "1",
            "--threads",
            "1",
            "--json",
            report.toString());
    assertThat(terminal.err()).isEmpty();
    assertThat(code).isZero();
    JsonNode rows = json(report).at("/kernels/rows");
    assertThat(rows.findValuesAsText("operation"))
        .contains("linear", "attention", "norm", "gelu (erf)", "softmax");
    assertThat(rows.findValuesAsText("weights")).contains("hot", "cold");
    assertThat(json(report).at("/kernels/limits/0/gigabytes").asDouble()).isPositive();
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
          bench all | Missing required option: '--json=FILE'
          bench kernels | --models is not for kernels
          bench server --target a:1 | --target and --model belong together
          bench server --metrics http://a/metrics | --metrics is for --target
          bench server --clients 0 | --clients = [0]: each must be 1 to 10000
          bench server --seconds 0 | --seconds = 0.0: must be 0.1 to 3600
          bench server --mix long | length mix 'long'
          """)
  void bench_wrongUsage_saysWhat(String line, String message) throws URISyntaxException {
    String models = line.equals("bench") ? "" : " --models " + model();
    assertThat(terminal.run((line + models).split(" "))).isEqualTo(2);
    assertThat(terminal.err()).singleElement().asString().contains(message);
  }
}
