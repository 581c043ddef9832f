package dev.coffey.kernels.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.cpu.VectorProvider;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Catches a change by which the JIT no longer keeps a product's sums in registers: results stay
/// right, so no other test sees it.
class SpeedGuardTest {
  /// Right code reached 0.55 and more on two cores with a load of 15, and 0.84 beside a load of 7;
  /// with a counted loop, which C2 unrolls and spills, the best was 0.42; boxed vectors give 0.05.
  private static final double LEAST = 0.45;

  // Breaks if an accumulator is spilled, a vector boxed, or a species is no longer a constant.
  @Test
  void linear_128Rows_reachesItsShareOfThePeak() throws Exception {
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
            "-cp",
            System.getProperty("java.class.path"),
            SpeedGuard.class.getName(),
            Double.toString(LEAST));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    System.out.print("speed guard: linear, " + output);
    double reached = Double.parseDouble(output.substring(output.indexOf(':') + 1).strip());
    assertThat(reached).isGreaterThanOrEqualTo(LEAST);
  }
}
