package dev.coffey.server.batch;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A text's result has the same bits alone and in any company, at any place, on cold and on
/// compiled code, with one thread and with two. Each run is a process of its own
/// ([BatchInvarianceRun]), so that its first texts meet interpreted code.
///
/// Would break by any sum whose order depends on the batch: a dot product split by rows, lanes
/// reduced by the library, another kernel for few rows that adds in another order.
final class BatchInvarianceTest {
  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void run_smallModel_sameBitsInAnyCompany(String backend) throws Exception {
    // Widths that are multiples of no vector length, so that every tail runs.
    GeneratedModel small = new GeneratedModel(3, 500, 128, 3, 3, 75, 203, 5);
    Path folder = small.write(Path.of("target", "generated", "small-3"));
    assertThat(digest(backend, folder, 1, 120, 700))
        .isEqualTo(digest(backend, folder, 2, 120, 700));
  }

  @Test
  @Tag("soak")
  void run_distilBertBase_sameBitsInAnyCompany() throws Exception {
    Path folder =
        GeneratedModel.distilBertBase(1).write(Path.of("target", "generated", "distilbert-base-1"));
    assertThat(digest("vector", folder, 1, 300, 2048))
        .isEqualTo(digest("vector", folder, 2, 300, 2048));
  }

  private static String digest(
      String backend, Path folder, int threads, int longest, int batchTokens)
      throws IOException, InterruptedException {
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            BatchInvarianceRun.class.getName(),
            backend,
            folder.toString(),
            Integer.toString(threads),
            Integer.toString(longest),
            Integer.toString(batchTokens));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(10, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    String digest =
        output.lines().filter(line -> line.startsWith("digest ")).findFirst().orElseThrow();
    System.out.printf("batch invariance: %s, %d threads, %s%n", backend, threads, digest);
    return digest;
  }
}
