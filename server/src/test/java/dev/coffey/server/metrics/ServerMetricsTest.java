package dev.coffey.server.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.proto.v1.ClassifyRequest;
import dev.coffey.proto.v1.Input;
import dev.coffey.server.grpc.TestModels;
import dev.coffey.server.grpc.TestServer;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/// What a scrape shows after known calls.
final class ServerMetricsTest {
  private static String scrape(int port) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  /// Red if a metric is renamed, not counted, or counted by the wrong status.
  @Test
  void scrape_afterCalls_showsThemByMethodStatusAndModel() throws Exception {
    try (TestServer server = TestServer.of(TestModels.textcls());
        MetricsEndpoint endpoint =
            MetricsEndpoint.open("127.0.0.1", 0, server.metrics().registry())) {
      ClassifyRequest good =
          ClassifyRequest.newBuilder()
              .addInputs(Input.newBuilder().setText("good"))
              .addInputs(Input.newBuilder().setText("bad"))
              .build();
      for (int i = 0; i < 3; i++) {
        assertThat(server.inference().classify(good).getResultsCount()).isEqualTo(2);
      }
      assertThatThrownBy(() -> server.inference().classify(ClassifyRequest.getDefaultInstance()))
          .hasMessageContaining("INVALID_ARGUMENT");
      String method = "{method=\"coffey.v1.InferenceService/Classify\",status=";
      String text = scrape(endpoint.port());
      // The server counts a call as it closes it; the client may be a moment ahead of the last
      // listener.
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
      while (!text.contains("coffey_batch_texts_sum{model=\"textcls\"} 6.0")
          && System.nanoTime() < end) {
        text = scrape(endpoint.port());
      }
      assertThat(text)
          .contains("coffey_requests_total" + method + "\"OK\"} 3.0")
          .contains("coffey_requests_total" + method + "\"INVALID_ARGUMENT\"} 1.0")
          .contains("coffey_tokenize_seconds_count{model=\"textcls\"} 3")
          .contains("coffey_queue_seconds_count{model=\"textcls\"} 3")
          .contains("coffey_compute_seconds_count{model=\"textcls\"} 3")
          .contains("coffey_batch_texts_sum{model=\"textcls\"} 6.0")
          .contains("coffey_queue_tokens{model=\"textcls\"} 0.0")
          .contains("coffey_refused_total{cause=\"queue_full\",model=\"textcls\"} 0.0")
          .contains("coffey_device_expired_seconds_total{model=\"textcls\"} 0.0")
          .containsPattern("coffey_device_seconds_total\\{model=\"textcls\"} [0-9.E-]*[1-9]")
          .contains("coffey_models{state=\"ready\"} 1.0")
          .contains("coffey_jvm_heap_used_bytes")
          .containsPattern("coffey_memory_bytes\\{part=\"weights\"} [1-9]")
          .containsPattern("coffey_memory_bytes\\{part=\"workspace\"} [1-9]")
          .containsPattern("coffey_memory_bytes\\{part=\"code\"} [1-9]")
          .containsPattern("process_cpu_seconds_total [0-9.]*[1-9]");
    }
  }

  /// Red if pages are taken for bytes, or the line is not found.
  @Test
  void bytes_linesOfStatus_areThoseOfTheField() {
    List<String> status = List.of("Name:\tjava", "VmHWM:\t  999 kB", "VmRSS:\t  123456 kB");
    assertThat(ProcessMetrics.bytes(status, "VmRSS:")).hasValue(123456 * 1024L);
    assertThat(ProcessMetrics.bytes(status, "RssFile:")).isEmpty();
  }

  @Test
  void open_portTaken_saysWhichAndWhatToDo() {
    ServerMetrics metrics = new ServerMetrics(1);
    try (MetricsEndpoint first = MetricsEndpoint.open("127.0.0.1", 0, metrics.registry())) {
      assertThatThrownBy(() -> MetricsEndpoint.open("127.0.0.1", first.port(), metrics.registry()))
          .isInstanceOf(UncheckedIOException.class)
          .hasMessageContaining("127.0.0.1:" + first.port())
          .hasMessageContaining("choose another");
    }
  }
}
