package dev.coffey.server.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

class PageTest {
  private static final String NASTY = "</script><!-- & \" -->";

  private static String page() {
    ObjectNode report = JsonNodeFactory.instance.objectNode();
    report.put("coffey", NASTY);
    return Page.of(report);
  }

  /// The page is written so that XML can read it too: then it is well-formed.
  private static Document parsed() throws Exception {
    DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
    factory.setFeature("http://apache.org/xml/features/nonvalidating/load-external-dtd", false);
    return factory
        .newDocumentBuilder()
        .parse(new ByteArrayInputStream(page().getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void of_report_isWellFormedAndHoldsTheReport() throws Exception {
    Document document = parsed();
    Element data = null;
    for (int i = 0; i < document.getElementsByTagName("script").getLength(); i++) {
      Element script = (Element) document.getElementsByTagName("script").item(i);
      if (script.getAttribute("id").equals("report")) {
        data = script;
      }
    }
    assertThat(data).isNotNull();
    JsonNode report = new ObjectMapper().readTree(data.getTextContent());
    assertThat(report.get("coffey").asText()).isEqualTo(NASTY);
  }

  // Breaks if someone adds a font, a script or an image from elsewhere.
  @Test
  void of_report_asksForNothingElse() throws IOException {
    String page = page().replace("http://www.w3.org/2000/svg", "");
    assertThat(page)
        .doesNotContain("http:", "https:", "src=", "@import", "url(", "<link", "fetch(", "import(");
  }

  @Test
  void of_report_readsInLightAndDarkAndOnAPhone() {
    assertThat(page()).contains("prefers-color-scheme: dark", "width=device-width");
  }
}
