package dev.coffey.server.bench;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// All that was measured, as JSON and as a page made of it. A measurement replaces the section of
/// its name and leaves the others, so that a report can be made in several runs; all on one
/// machine.
public final class Report {
  /// Rises when a member changes its meaning or goes.
  static final int SCHEMA = 1;

  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .defaultPropertyInclusion(
              JsonInclude.Value.construct(
                  JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
          .addModule(
              new SimpleModule()
                  .addSerializer(double.class, new Rounded())
                  .addSerializer(Double.class, new Rounded()))
          .build();

  /// Five digits: more is noise in a measurement, and in the difference of two reports.
  private static final class Rounded extends JsonSerializer<Double> {
    private static final MathContext DIGITS = new MathContext(5);

    @Override
    public void serialize(Double value, JsonGenerator out, SerializerProvider provider)
        throws IOException {
      if (Double.isFinite(value)) {
        out.writeNumber(new BigDecimal(value, DIGITS).doubleValue());
      } else {
        out.writeNull();
      }
    }
  }

  /// How a section came to be.
  ///
  /// @param command as the user gave it, folders of this machine left out
  /// @param noise null where the system does not tell
  public record Origin(String measuredAt, String command, @Nullable Noise noise) {
    /// Of a measurement that just ended.
    ///
    /// @param command with its arguments; of absolute paths only the last part is kept
    public static Origin of(Instant now, String command, Optional<Noise> noise) {
      return new Origin(
          now.truncatedTo(ChronoUnit.SECONDS).toString(),
          command.replaceAll("(?<![\\w:/.-])/[^\\s,]*/([^\\s,/]+)", "$1"),
          noise.orElse(null));
    }
  }

  private final ObjectNode root;

  private Report(ObjectNode root) {
    this.root = root;
  }

  /// An empty report.
  public static Report of(Host host, String version) {
    ObjectNode root = JSON.createObjectNode();
    root.put("schema", SCHEMA).put("coffey", version);
    root.set("machine", JSON.valueToTree(host));
    return new Report(root);
  }

  /// The report in `file` to add to, or an empty one where there is none.
  ///
  /// @throws IllegalArgumentException if it is no report, or of another machine
  public static Report open(Path file, Host host, String version) {
    Report empty = of(host, version);
    if (!Files.exists(file)) {
      return empty;
    }
    try {
      JsonNode read = JSON.readTree(file.toFile());
      if (!(read instanceof ObjectNode object) || read.path("schema").asInt() != SCHEMA) {
        throw new IllegalArgumentException(
            "%s is no report of schema %d: name another file".formatted(file, SCHEMA));
      }
      String there = read.path("machine").path("processor").asText();
      if (!there.equals(host.processor())
          || read.path("machine").path("processors").asInt() != host.processors()) {
        throw new IllegalArgumentException(
            "%s was measured on another machine (%s): name another file".formatted(file, there));
      }
      object.setAll(empty.root);
      return new Report(object);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "%s is no JSON: %s".formatted(file, e.getOriginalMessage()), e);
    } catch (IOException e) {
      throw new UncheckedIOException("can't read %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  /// Puts a measurement in, in the place of an earlier one.
  public void put(String section, Origin origin, Object measured) {
    ObjectNode node = JSON.valueToTree(origin);
    node.setAll((ObjectNode) JSON.valueToTree(measured));
    root.set(section, node);
  }

  /// As [#put(String, Origin, Object)], into a section that has several, by their names.
  public void put(String section, String name, Origin origin, Object measured) {
    ObjectNode node = JSON.valueToTree(origin);
    node.setAll((ObjectNode) JSON.valueToTree(measured));
    root.withObjectProperty(section).set(name, node);
  }

  /// As JSON.
  public String json() {
    try {
      return JSON.writeValueAsString(root) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /// As a page that needs nothing else.
  public String html() {
    return Page.of(root);
  }

  /// Writes one of them to a file, whole or not at all.
  public static void write(Path file, String text) {
    try {
      Path partial = file.resolveSibling(file.getFileName() + ".partial");
      Files.writeString(partial, text);
      Files.move(partial, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UncheckedIOException("can't write %s: %s".formatted(file, e.getMessage()), e);
    }
  }
}
