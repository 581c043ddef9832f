package dev.coffey.kernels.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.cpu.VectorProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Catches a change by which the JIT no longer keeps a product's sums in registers: results stay
/// right, so no other test sees it.
class SpeedGuardTest {
  // Breaks if an accumulator is spilled, a vector boxed, or a species is no longer a constant: at
  // the machine's width, and with AVX2, where registers are few. 9 and 10 rows are of 4 and 5.
  //
  // Right code reached 0.55 and more at 128 rows on two cores with a load of 15, and 0.84 beside a
  // load of 7; few rows, which wait for weights as well, 0.35 on a busy machine. With a counted
  // loop, which C2 unrolls and spills, the best was 0.42; a call in the loop gives 0.11, boxed
  // vectors 0.05.
  @ParameterizedTest
  @CsvSource({"64, 128, 0.45", "64, 9, 0.2", "32, 128, 0.45", "32, 10, 0.2"})
  void linear_anyWidth_reachesItsShareOfThePeak(int vectorBytes, int rows, double least)
      throws Exception {
    if (new VectorProvider().probe() instanceof Availability.Refused(String reason)) {
      System.out.println("speed guard: skipped, " + reason);
      assumeTrue(false, reason);
    }
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-XX:MaxVectorSize=" + vectorBytes,
            "-XX:UseAVX=" + (vectorBytes == 64 ? 3 : 2),
            "-cp",
            System.getProperty("java.class.path"),
            SpeedGuard.class.getName(),
            Double.toString(least),
            Integer.toString(rows));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    System.out.print(
        "speed guard: linear, %d rows, vectors of at most %d bytes, %s"
            .formatted(rows, vectorBytes, output));
    double reached = Double.parseDouble(output.substring(output.indexOf(':') + 1).strip());
    assertThat(reached).isGreaterThanOrEqualTo(least);
  }
}
