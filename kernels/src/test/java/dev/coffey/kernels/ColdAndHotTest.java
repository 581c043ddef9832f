package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Interpreted, quickly compiled and fully compiled code give the same bits. Breaks if an operation
/// uses a Vector API call whose result the JIT may round otherwise (`reduceLanes(ADD)`, `EXP`):
/// that was seen.
class ColdAndHotTest {
  @ParameterizedTest
  @ValueSource(strings = {"scalar", "vector"})
  void operations_interpretedAndCompiled_sameBits(String backend) throws Exception {
    List<String> interpreted = bits(backend, 0, "-Xint");
    assertThat(interpreted).hasSize(1);
    assertThat(bits(backend, 1000, "-XX:TieredStopAtLevel=1")).isEqualTo(interpreted);
    // Long enough for the hot loops to reach the last tier, so it has run cold, warm and hot.
    assertThat(bits(backend, 4000, "-XX:+TieredCompilation")).isEqualTo(interpreted);
  }

  private static List<String> bits(String backend, int millis, String jvmFlag)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector", jvmFlag, "-cp"));
    command.add(System.getProperty("java.class.path"));
    command.addAll(List.of(ResultBits.class.getName(), backend, Integer.toString(millis)));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(jvmFlag + ": " + output).isZero();
    return output.lines().filter(line -> line.startsWith("bits ")).toList();
  }
}
