package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.client.CoffeyClient;
import dev.coffey.client.CoffeyException;
import dev.coffey.client.RetryPolicy;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Status;
import io.grpc.health.v1.HealthCheckRequest;
import io.grpc.health.v1.HealthCheckResponse.ServingStatus;
import io.grpc.health.v1.HealthGrpc;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// A server process whose cards fail: the host code as it is, on cards that compute nothing.
@Timeout(120)
final class LostDeviceTest {
  private static final Pattern READY =
      Pattern.compile(
          "coffey: serving .+ on 127\\.0\\.0\\.1:([0-9]+), metrics on (http://\\S+); backend (.+); started in .*");

  @TempDir private static Path folder;

  private static final class Server implements AutoCloseable {
    private final Process process;
    private final BufferedReader out;
    private final PrintStream in;
    private final Path err = Files.createTempFile(folder, "stderr", ".txt");
    private final Matcher ready;
    private final CoffeyClient client;
    private final ManagedChannel channel;

    Server(String... settings) throws IOException {
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "--add-modules",
                  "jdk.incubator.vector",
                  "--enable-native-access=ALL-UNNAMED",
                  "-Dguice_bytecode_gen_option=DISABLED",
                  "-Xmx512m",
                  "-cp",
                  System.getProperty("java.class.path"),
                  LostDeviceRun.class.getName(),
                  "serve",
                  "--backend",
                  "cuda",
                  "--device",
                  "all",
                  "--port",
                  "0",
                  "--metrics-port",
                  "0",
                  "--set",
                  "warm-up.limit=300ms"));
      command.addAll(List.of(settings));
      process = new ProcessBuilder(command).redirectError(err.toFile()).start();
      out = process.inputReader(StandardCharsets.UTF_8);
      in = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
      try {
        ready = READY.matcher(lineLike(READY));
        assertThat(ready.matches()).isTrue();
      } catch (Throwable failure) {
        process.destroyForcibly();
        throw failure;
      }
      String target = "127.0.0.1:" + ready.group(1);
      client = CoffeyClient.builder(target).retry(RetryPolicy.NONE).build();
      channel = ManagedChannelBuilder.forTarget(target).usePlaintext().build();
    }

    /// The next line on standard output that is of the kind; a test's class path makes the log say
    /// more there.
    private String lineLike(Pattern kind) throws IOException {
      while (true) {
        String line = out.readLine();
        assertThat(line).as(this::errors).isNotNull();
        if (kind.matcher(line).matches()) {
          return line;
        }
      }
    }

    /// Has the cards told, and waits until they are.
    void tell(String order) throws IOException {
      in.println(order);
      lineLike(Pattern.compile("done: " + order));
    }

    /// What a call ends with.
    Status.Code call() {
      try {
        assertThat(client.classify("a charming and often affecting journey")).hasSize(2);
        return Status.Code.OK;
      } catch (CoffeyException e) {
        return e.code();
      }
    }

    ServingStatus health(String service) {
      return HealthGrpc.newBlockingStub(channel)
          .check(HealthCheckRequest.newBuilder().setService(service).build())
          .getStatus();
    }

    List<String> devices() {
      return client.getModel(ModelSource.BUILT_IN).getDevicesList();
    }

    String metrics() throws IOException, InterruptedException {
      try (HttpClient http = HttpClient.newHttpClient()) {
        return http.send(
                HttpRequest.newBuilder(URI.create(ready.group(2))).build(),
                HttpResponse.BodyHandlers.ofString())
            .body();
      }
    }

    String errors() {
      try {
        return Files.readString(err);
      } catch (IOException e) {
        return e.toString();
      }
    }

    int exitCode() throws InterruptedException {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(this::errors).isTrue();
      return process.exitValue();
    }

    @Override
    public void close() {
      channel.shutdownNow();
      client.close();
      process.destroyForcibly();
    }
  }

  // Breaks if the loss of one card takes the server out or is kept quiet, or that of the last is
  // outlived: by a call that hangs, by health, by the process.
  @Test
  void serve_cardsAreLostOneAfterTheOther_goesOnWithOneAndEndsWithoutAny() throws Exception {
    try (Server server = new Server()) {
      assertThat(server.ready.group(3))
          .contains("cuda, device 0: Fake 0")
          .contains("cuda, device 1: Fake 1");
      assertThat(server.call()).isEqualTo(Status.Code.OK);
      assertThat(server.metrics())
          .contains("coffey_device_up{device=\"0\"} 1", "coffey_device_up{device=\"1\"} 1");

      server.tell("lose 0");
      // The next batch for that card finds out; idle cards are asked in their order.
      assertThat(server.call()).isEqualTo(Status.Code.INTERNAL);
      for (int i = 0; i < 20; i++) {
        assertThat(server.call()).isEqualTo(Status.Code.OK);
      }
      assertThat(server.health("")).isEqualTo(ServingStatus.SERVING);
      assertThat(server.health(ModelSource.BUILT_IN)).isEqualTo(ServingStatus.SERVING);
      assertThat(server.health("device/0")).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(server.health("device/1")).isEqualTo(ServingStatus.SERVING);
      assertThat(server.metrics())
          .contains("coffey_device_up{device=\"0\"} 0", "coffey_device_up{device=\"1\"} 1");
      assertThat(server.devices()).first().asString().endsWith("(lost)");
      assertThat(server.devices()).last().asString().doesNotContain("lost");
      assertThat(server.errors()).contains("device 0 is lost for this process, 1 of 2 left: ");

      server.tell("lose 1");
      assertThat(server.call()).isEqualTo(Status.Code.INTERNAL);
      assertThat(server.exitCode()).as(server::errors).isEqualTo(CommandLineInterface.FAILED);
      assertThat(server.errors())
          .contains("device 1 is lost for this process, 0 of 2 left: ")
          .contains("the last device is lost: ")
          .contains("draining for at most 20 s")
          .contains("every call was answered");
    }
  }

  @Test
  void serve_allCardsLostAndToldToStay_refusesAndSaysSo() throws Exception {
    try (Server server = new Server("--set", "backend.device-lost=stay")) {
      server.tell("lose 0");
      server.tell("lose 1");
      assertThat(server.call()).isEqualTo(Status.Code.INTERNAL);
      assertThat(server.call()).isEqualTo(Status.Code.INTERNAL);
      for (int i = 0; i < 3; i++) {
        assertThat(server.call()).isEqualTo(Status.Code.UNAVAILABLE);
      }
      assertThat(server.health("")).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(server.health(ModelSource.BUILT_IN)).isEqualTo(ServingStatus.NOT_SERVING);
      assertThat(server.devices()).allMatch(device -> device.endsWith("(lost)"));
      assertThat(server.process.isAlive()).isTrue();
      assertThat(server.errors()).contains("the server stays (backend.device-lost = stay)");
    }
  }

  // Breaks if a call that fails once costs more than its batch.
  @Test
  void serve_aCallToACardFailsOnce_onlyItsBatchFails() throws Exception {
    try (Server server = new Server()) {
      for (int i = 0; i < 5; i++) {
        server.tell("fail 0");
        assertThat(server.call()).isEqualTo(Status.Code.INTERNAL);
        assertThat(server.call()).isEqualTo(Status.Code.OK);
      }
      assertThat(server.health("")).isEqualTo(ServingStatus.SERVING);
      assertThat(server.health("device/0")).isEqualTo(ServingStatus.SERVING);
      assertThat(server.errors()).doesNotContain("is lost");
    }
  }
}
