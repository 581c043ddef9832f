package dev.coffey.server.bench;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;

/// The page of a report: `page.html` with the report's JSON in it, from which its script draws.
final class Page {
  private static final String PLACE = "\"the report\"";

  private Page() {}

  static String of(JsonNode report) {
    String data =
        report
            .toString()
            // No end tag or comment of HTML may stand in a script.
            .replace("<", "\\u003c")
            .replace(">", "\\u003e")
            .replace("&", "\\u0026");
    return template().replace(PLACE, data);
  }

  private static String template() {
    try (InputStream in =
        Objects.requireNonNull(Page.class.getResourceAsStream("page.html"), "page.html")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
