package dev.coffey.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Breaks when the documented example is edited on one side only, or no longer runs.
class ExampleTest {
  private static final Path MAIN = Path.of("src/main/java/dev/coffey/client/package-info.java");
  private static final Path TEST = Path.of("src/test/java/dev/coffey/client/Example.java");

  @Test
  void example_documentedAndCompiled_areTheSame() throws IOException {
    List<String> documented =
        between(Files.readAllLines(MAIN), "/// ```java", "/// ```").stream()
            .map(line -> line.replaceFirst("^/// ?", "").strip())
            .toList();
    List<String> compiled =
        between(Files.readAllLines(TEST), "    // example", "    // end").stream()
            .map(String::strip)
            .toList();
    assertThat(documented).isNotEmpty().isEqualTo(compiled);
  }

  @Test
  void example_againstAServer_printsWhatItSays() throws Exception {
    PrintStream before = System.out;
    var printed = new ByteArrayOutputStream();
    try (var server = new FakeServer()) {
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      Example.run(server.target());
    } finally {
      System.setOut(before);
    }
    assertThat(printed.toString(StandardCharsets.UTF_8).lines())
        .containsExactly(
            "POSITIVE 0.7500",
            "NEGATIVE 0.2500",
            "POSITIVE from 4 tokens",
            "inputs[1].text is empty; a text needs at least 1 character",
            "POSITIVE from 6 tokens",
            "2 numbers");
  }

  private static List<String> between(List<String> lines, String from, String to) {
    int start = lines.indexOf(from) + 1;
    return lines.subList(start, start + lines.subList(start, lines.size()).indexOf(to));
  }
}
