package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  private static final Host HOST =
      new Host("Some CPU", List.of("fma"), List.of("L1 data 32K"), 2, 1, "Linux", "25", List.of());

  private static Report.Origin origin() {
    return Report.Origin.of(
        Instant.parse("2026-01-02T03:04:05.678Z"), "coffey bench model", Optional.empty());
  }

  private static JsonNode read(Report report) {
    try {
      return new ObjectMapper().readTree(report.json());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  // Breaks if a member is renamed: others read this file.
  @Test
  void json_comparison_hasTheseMembers() {
    Report report = Report.of(HOST, "1");
    Turns.Result result =
        new Turns.Result(
            "coffey", Spread.of(1.23456789), Spread.of(2), Spread.of(3), Spread.of(4, 5, 6));
    report.put(
        "model",
        origin(),
        new Comparison(
            "base",
            List.of(new Comparison.Who("coffey", "fp32")),
            List.of(new Comparison.Row("8 x 32", 8, 256, 0, List.of(result)))));
    assertThat(read(report).toString())
        .isEqualTo(
            """
            {"schema":1,"coffey":"1","machine":{"processor":"Some CPU","features":["fma"],"caches":["L1 data 32K"],\
            "processors":2,"memory_bytes":1,"system":"Linux","java":"25","options":[]},\
            "model":{"measured_at":"2026-01-02T03:04:05Z","command":"coffey bench model","model":"base",\
            "contestants":[{"name":"coffey","detail":"fp32"}],\
            "rows":[{"workload":"8 x 32","texts":8,"tokens":256,"agreement":0.0,"results":[{"name":"coffey",\
            "milliseconds":{"median":1.2346,"least":1.2346,"most":1.2346,"count":1},\
            "texts_per_second":{"median":2.0,"least":2.0,"most":2.0,"count":1},\
            "tokens_per_second":{"median":3.0,"least":3.0,"most":3.0,"count":1},\
            "ratio":{"median":5.0,"least":4.0,"most":6.0,"count":3}}]}]}}\
            """);
  }

  @Test
  void open_reportOfThisMachine_keepsItsOtherSections(@TempDir Path folder) {
    Path file = folder.resolve("bench.json");
    Report first = Report.open(file, HOST, "1");
    first.put("model", origin(), Map.of("a", 1));
    first.put("servers", "coffey", origin(), Map.of("a", 1));
    Report.write(file, first.json());
    Report second = Report.open(file, HOST, "2");
    second.put("model", origin(), Map.of("a", 2));
    second.put("servers", "other", origin(), Map.of("a", 3));
    JsonNode all = read(second);
    assertThat(all.at("/coffey").asText()).isEqualTo("2");
    assertThat(all.at("/model/a").asInt()).isEqualTo(2);
    assertThat(all.at("/servers/coffey/a").asInt()).isEqualTo(1);
    assertThat(all.at("/servers/other/a").asInt()).isEqualTo(3);
  }

  @Test
  void open_otherMachineOrNoReport_isRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("bench.json");
    Report.write(file, Report.of(HOST, "1").json());
    Host other = new Host("Other", List.of(), List.of(), 2, 1, "Linux", "25", List.of());
    assertThatThrownBy(() -> Report.open(file, other, "1"))
        .hasMessageContaining("another machine (Some CPU)");
    Files.writeString(file, "{\"schema\": 2}");
    assertThatThrownBy(() -> Report.open(file, HOST, "1")).hasMessageContaining("no report");
    Files.writeString(file, "{");
    assertThatThrownBy(() -> Report.open(file, HOST, "1")).hasMessageContaining("no JSON");
  }

  @Test
  void origin_absolutePaths_loseTheirFolders() {
    assertThat(
            Report.Origin.of(
                    Instant.EPOCH,
                    "coffey bench --models /home/me/base --peer a=/usr/bin/python tools/x.py /q/b.onnx"
                        + " --metrics http://127.0.0.1:9700/metrics",
                    Optional.empty())
                .command())
        .isEqualTo(
            "coffey bench --models base --peer a=python tools/x.py b.onnx"
                + " --metrics http://127.0.0.1:9700/metrics");
  }
}
