package dev.coffey.server.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/// A peer in a process of its own, asked over its standard input and output, a JSON object a line:
/// first it says `{"detail": TEXT}`; then to `{"batches": IDS, "times": N}` (ids by batch, text,
/// token) it answers `{"seconds": S, "logits": LOGITS}` (by text, label), having computed all
/// batches N times. It takes the time itself, so that the pipe does not count.
public final class ProcessContestant implements Contestant {
  private final ObjectMapper json = new ObjectMapper();
  private final String name;
  private final Process process;
  private final Writer out;
  private final BufferedReader in;
  private final String detail;

  /// @param command the program and its arguments; its standard error is shown
  /// @throws IllegalArgumentException if it can't be started
  public ProcessContestant(String name, List<String> command) {
    this.name = name;
    try {
      process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "peer %s: can't start '%s': %s"
              .formatted(name, String.join(" ", command), e.getMessage()),
          e);
    }
    out = process.outputWriter(StandardCharsets.UTF_8);
    in = process.inputReader(StandardCharsets.UTF_8);
    detail = read("detail").asText();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public String detail() {
    return detail;
  }

  @Override
  public float[][] logits(Workload workload) {
    ask(workload, 1);
    return json.convertValue(read("logits"), float[][].class);
  }

  @Override
  public double seconds(Workload workload, int times) {
    ask(workload, times);
    return read("seconds").asDouble();
  }

  private void ask(Workload workload, int times) {
    try {
      out.write(json.writeValueAsString(Map.of("batches", workload.batches(), "times", times)));
      out.write('\n');
      out.flush();
    } catch (IOException _) {
      throw ended();
    }
  }

  private JsonNode read(String member) {
    try {
      String line = in.readLine();
      if (line == null) {
        throw ended();
      }
      JsonNode value = json.readTree(line).get(member);
      if (value == null) {
        throw new IllegalStateException(
            "peer %s: expected a line with '%s', got: %s".formatted(name, member, line));
      }
      return value;
    } catch (IOException e) {
      throw new UncheckedIOException("peer %s: %s".formatted(name, e.getMessage()), e);
    }
  }

  private IllegalStateException ended() {
    process.destroy();
    return new IllegalStateException("peer %s ended (its own messages say why)".formatted(name));
  }

  @Override
  public void close() {
    process.destroy();
  }
}
