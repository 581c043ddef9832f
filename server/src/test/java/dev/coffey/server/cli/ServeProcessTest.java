package dev.coffey.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.coffey.client.CoffeyClient;
import dev.coffey.client.CoffeyException;
import dev.coffey.client.RetryPolicy;
import dev.coffey.proto.v1.LabelScore;
import io.grpc.Status;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// `coffey serve` as a process of its own, from a jar, over real sockets and with real signals.
@Timeout(120)
class ServeProcessTest {
  private static final Pattern READY =
      Pattern.compile(
          "coffey: serving (.+) on 127\\.0\\.0\\.1:([0-9]+)( \\(TLS\\))?(?:, metrics on (http://\\S+))?; backend .+; started in [0-9.]+ s; try: coffey (.+)");

  @TempDir private static Path folder;

  private static String classPath = "";

  /// The server's own classes as a jar, so that the built-in model is read from inside one, as it
  /// is when it is shipped.
  @BeforeAll
  static void pack() {
    Path jar = folder.resolve("coffey-server.jar");
    ToolProvider tool = ToolProvider.findFirst("jar").orElseThrow();
    assertThat(
            tool.run(System.out, System.err, "-c0f", jar.toString(), "-C", "target/classes", "."))
        .isZero();
    List<String> entries = new ArrayList<>(List.of(jar.toString()));
    for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
      if (!entry.endsWith("server/target/classes") && !entry.endsWith("test-classes")) {
        entries.add(entry);
      }
    }
    classPath = String.join(File.pathSeparator, entries);
  }

  /// A running process; killed at the end of the test if it is still there.
  private static final class Coffey implements AutoCloseable {
    private final Process process;
    private final BufferedReader out;
    private final Path err = Files.createTempFile(folder, "stderr", ".txt");

    Coffey(String... arguments) throws IOException {
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
                  classPath,
                  "dev.coffey.server.Main"));
      command.addAll(List.of(arguments));
      process = new ProcessBuilder(command).redirectError(err.toFile()).start();
      out = process.inputReader(StandardCharsets.UTF_8);
    }

    /// The groups of the line that says that it is ready.
    Matcher ready() throws IOException {
      String line = out.readLine();
      assertThat(line).as(this::errors).isNotNull();
      Matcher matcher = READY.matcher(line);
      assertThat(matcher.matches()).as(line).isTrue();
      return matcher;
    }

    void signal(String name) throws IOException, InterruptedException {
      assertThat(
              new ProcessBuilder("kill", "-" + name, Long.toString(process.pid()))
                  .start()
                  .waitFor())
          .isZero();
    }

    int exitCode() throws InterruptedException {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(this::errors).isTrue();
      return process.exitValue();
    }

    /// What stderr has, but for what the JVM says of itself.
    String errors() {
      try {
        return String.join(
            "\n",
            Files.readAllLines(err).stream()
                .filter(line -> !line.startsWith("WARNING: Using incubator modules"))
                .toList());
      } catch (IOException e) {
        return e.toString();
      }
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  private static CoffeyClient client(String port) {
    return CoffeyClient.builder("127.0.0.1:" + port).retry(RetryPolicy.NONE).build();
  }

  @Test
  void serve_sigtermUnderLoad_answersWhatItTookInRefusesTheRestAndExitsWith0() throws Exception {
    try (var coffey =
        new Coffey("serve", "--port", "0", "--metrics-port", "0", "--set", "warm-up.limit=300ms")) {
      Matcher ready = coffey.ready();
      assertThat(ready.group(1)).isEqualTo(ModelSource.BUILT_IN);
      assertThat(ready.group(5))
          .isEqualTo(
              "classify --target 127.0.0.1:%s \"a charming and often affecting journey\""
                  .formatted(ready.group(2)));
      try (CoffeyClient client = client(ready.group(2))) {
        assertThat(client.classify("a charming and often affecting journey").getFirst())
            .extracting(LabelScore::getLabel)
            .isEqualTo("POSITIVE");
        assertThat(metrics(ready.group(4)))
            .contains(
                "coffey_requests_total{method=\"coffey.v1.InferenceService/Classify\",status=\"OK\"} 1");

        // 32 calls are open at any time; the signal comes among them.
        Semaphore open = new Semaphore(32);
        AtomicBoolean refused = new AtomicBoolean();
        List<CompletableFuture<List<LabelScore>>> calls = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!refused.get() && System.nanoTime() < end) {
          open.acquire();
          CompletableFuture<List<LabelScore>> call =
              client.classifyAsync("text number " + calls.size());
          calls.add(call);
          var _ =
              call.whenComplete((_, failure) -> {
                open.release();
                if (failure != null) {
                  refused.set(true);
                }
              });
          if (calls.size() == 200) {
            coffey.signal("TERM");
          }
        }
        int answered = 0;
        for (CompletableFuture<List<LabelScore>> call : calls) {
          try {
            assertThat(call.get(10, TimeUnit.SECONDS)).hasSize(2);
            answered++;
          } catch (java.util.concurrent.ExecutionException e) {
            // Lost would be: cut off in the middle. Refused means: never taken in.
            assertThat(e.getCause())
                .isInstanceOfSatisfying(
                    CoffeyException.class,
                    call1 -> assertThat(call1.code()).isEqualTo(Status.Code.UNAVAILABLE));
          }
        }
        assertThat(answered).isGreaterThanOrEqualTo(168);
        assertThat(refused).isTrue();
      }
      assertThat(coffey.exitCode()).as(coffey::errors).isZero();
      assertThat(coffey.errors())
          .contains(
              "config: server.port=0 (--port), warm-up.limit=300ms (--set), metrics.port=0 (--metrics-port); defaults: ")
          .contains("SIGTERM: draining for at most 20 s")
          .contains("every call was answered")
          .doesNotContain("\tat ");
    }
  }

  @Test
  void serve_tls_speaksItOnly() throws Exception {
    Path certificates = certificates();
    try (var coffey =
        new Coffey(
            "serve",
            "--port",
            "0",
            "--tls-cert",
            certificates.resolve("server.pem").toString(),
            "--tls-key",
            certificates.resolve("server-key.pem").toString(),
            "--set",
            "warm-up.limit=1ms",
            // A lonely request waits so long for company.
            "--set",
            "batch.max-delay=10s",
            "--set",
            "drain.timeout=1min",
            "--backend",
            "scalar")) {
      Matcher ready = coffey.ready();
      assertThat(ready.group(3)).isEqualTo(" (TLS)");
      try (CoffeyClient trusting =
              CoffeyClient.builder("127.0.0.1:" + ready.group(2))
                  .tls(certificates.resolve("ca.pem"))
                  .build();
          CoffeyClient plain = client(ready.group(2))) {
        assertThat(trusting.listModels()).hasSize(1);
        assertThat(failure(plain)).isEqualTo(Status.Code.UNAVAILABLE);

        // While one waits, a first signal drains and a second gives up. Not SIGINT: a shell starts
        // what
        // runs in the background with that one ignored, and so does CI; the JVM then leaves it so.
        var _ = trusting.classifyAsync("alone");
        // An answered call behind it on the same connection: by now the first was let in.
        assertThat(trusting.listModels()).hasSize(1);
        coffey.signal("TERM");
        while (!coffey.errors().contains("draining")) {
          Thread.sleep(20);
        }
        coffey.signal("TERM");
        assertThat(coffey.exitCode()).isEqualTo(143);
      }
    }
  }

  private static Status.Code failure(CoffeyClient client) {
    try {
      client.listModels();
    } catch (CoffeyException e) {
      return e.code();
    }
    return Status.Code.OK;
  }

  @Test
  void serve_drainTimeoutPasses_endsOpenCallsWithAStatusAndExitsWith0() throws Exception {
    try (var coffey =
        new Coffey(
            "serve",
            "--port",
            "0",
            "--set",
            "warm-up.limit=1ms",
            "--set",
            "batch.max-delay=10s",
            "--set",
            "drain.timeout=200ms",
            "--backend",
            "scalar")) {
      try (CoffeyClient client = client(coffey.ready().group(2))) {
        CompletableFuture<List<LabelScore>> call = client.classifyAsync("alone");
        assertThat(client.listModels()).hasSize(1);
        coffey.signal("TERM");
        assertThat(call.handle((_, failure) -> failure).get(15, TimeUnit.SECONDS))
            .satisfiesAnyOf(
                failure -> assertThat(failure).isNull(),
                failure ->
                    assertThat(failure instanceof CompletionException e ? e.getCause() : failure)
                        .isInstanceOf(CoffeyException.class));
      }
      assertThat(coffey.exitCode()).as(coffey::errors).isZero();
    }
  }

  @Test
  void serve_portTaken_failsAtOnceWithOneLine() throws Exception {
    try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        var coffey =
            new Coffey(
                "serve",
                "--port",
                Integer.toString(taken.getLocalPort()),
                "--log-level",
                "error")) {
      assertThat(coffey.exitCode()).isEqualTo(1);
      assertThat(coffey.errors())
          .hasLineCount(1)
          .startsWith("coffey: can't listen on 127.0.0.1:" + taken.getLocalPort())
          .contains("choose another port");
      assertThat(coffey.out.readLine()).isNull();
    }
  }

  private static String metrics(String address) throws IOException, InterruptedException {
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(
              HttpRequest.newBuilder(URI.create(address)).build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  private static Path certificates() throws Exception {
    return Path.of(Objects.requireNonNull(ServeProcessTest.class.getResource("tls/ca.pem")).toURI())
        .getParent();
  }

  private static final String NO_DRIVER =
      "can't run here: no NVIDIA driver: libcuda.so.1 can't be opened";

  private static boolean hasDriver() {
    return Files.exists(Path.of("/proc/driver/nvidia"));
  }

  // Breaks if another backend quietly takes the place of the one that was named.
  @Test
  void serve_cudaWithoutADriver_doesNotStartAndSaysWhy() throws Exception {
    assumeThat(hasDriver()).isFalse();
    try (var coffey = new Coffey("serve", "--port", "0", "--backend", "cuda")) {
      assertThat(coffey.exitCode()).isEqualTo(1);
      assertThat(coffey.errors()).contains("coffey: backend 'cuda' " + NO_DRIVER);
    }
  }

  @Test
  void serve_autoWithoutADriver_servesOnTheCpuAndSaysWhy() throws Exception {
    assumeThat(hasDriver()).isFalse();
    try (var coffey = new Coffey("serve", "--port", "0", "--set", "warm-up.limit=1ms")) {
      assertThat(coffey.ready().group()).contains("backend Vector API");
      coffey.signal("TERM");
      assertThat(coffey.exitCode()).isZero();
      assertThat(coffey.errors()).contains("backend cuda " + NO_DRIVER);
    }
  }
}
