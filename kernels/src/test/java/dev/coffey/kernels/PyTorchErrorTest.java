package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coffey.kernels.PyTorchCase.Inputs;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cuda.InterpretedCuda;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Each operation of the CUDA backend, its committed PTX interpreted: in 16 bits at most twice as
/// far from double precision as PyTorch in the same precision, in fp32 within the goldens'
/// tolerance. Prints the table of docs/gpu.md.
class PyTorchErrorTest {
  /// What the goldens allow in fp32: four times PyTorch's error, and at least this share of the
  /// largest number.
  private static final double FP32 = 1e-6;

  /// As a share of the result: of its norm, and of its largest number.
  private record Errors(double error, double largest) {}

  /// What is in the file for a case.
  ///
  /// @param norm of the result in float64
  /// @param check the sum of its numbers, each times one of its own
  private record Expected(double norm, double check, Map<DType, Errors> pytorch) {}

  private record Target(int capability, DType precision) {
    @Override
    public String toString() {
      return "%s, sm_%d".formatted(precision.word(), capability);
    }
  }

  private static final List<Target> TARGETS =
      List.of(
          new Target(80, DType.F32),
          new Target(75, DType.F32),
          new Target(80, DType.F16),
          new Target(75, DType.F16),
          new Target(80, DType.BF16));

  private static final Map<String, Expected> EXPECTED = read();

  /// The printed table, by case.
  private static final Map<PyTorchCase, String> TABLE = new TreeMap<>();

  private static Map<String, Expected> read() {
    Map<String, Expected> expected = new HashMap<>();
    try (InputStream file =
            Objects.requireNonNull(
                PyTorchErrorTest.class.getResourceAsStream("pytorch-errors.csv"));
        BufferedReader reader =
            new BufferedReader(new InputStreamReader(file, StandardCharsets.UTF_8))) {
      List<String> lines = reader.lines().filter(line -> !line.startsWith("#")).toList();
      List<String> columns = List.of(lines.getFirst().split(";"));
      for (String line : lines.subList(1, lines.size())) {
        String[] fields = line.split(";");
        Map<DType, Errors> pytorch = new EnumMap<>(DType.class);
        for (DType precision : DType.values()) {
          pytorch.put(
              precision,
              new Errors(
                  Double.parseDouble(fields[columns.indexOf(precision.word() + " error")]),
                  Double.parseDouble(fields[columns.indexOf(precision.word() + " largest")])));
        }
        expected.put(
            fields[0],
            new Expected(
                Double.parseDouble(fields[columns.indexOf("norm")]),
                Double.parseDouble(fields[columns.indexOf("check")]),
                pytorch));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return expected;
  }

  // Breaks if a sum is kept in 16 bits, a result rounded more often than it must be, or an
  // operation
  // computes something else than PyTorch's does.
  @ParameterizedTest
  @EnumSource
  void operation_inEachPrecision_isAsExactAsPyTorch(PyTorchCase operation) {
    Expected expected = Objects.requireNonNull(EXPECTED.get(operation.title()));
    // Its sums are in double precision, and it rounds a result once, to fp32.
    float[] exact;
    try (Kernels scalar = new ScalarProvider().open(new KernelsOptions(1))) {
      exact = operation.result(scalar);
    }
    checkSame(exact, expected);
    StringBuilder row = new StringBuilder("| " + operation.title());
    for (Target target : TARGETS) {
      try (Kernels kernels = InterpretedCuda.open(target.capability(), target.precision(), 132)) {
        Errors ours = errors(operation.result(kernels), exact);
        Errors pytorch = expected.pytorch().get(target.precision());
        row.append(cells(target.precision(), ours, pytorch));
        if (target.precision() == DType.F32) {
          assertThat(ours.largest())
              .as("%s", target)
              .isLessThanOrEqualTo(Math.max(4 * pytorch.largest(), FP32));
        } else {
          assertThat(ours.error()).as("%s", target).isLessThanOrEqualTo(2 * pytorch.error());
          assertThat(ours.largest())
              .as("largest, %s", target)
              .isLessThanOrEqualTo(2 * pytorch.largest());
        }
      }
    }
    TABLE.put(operation, row.append(" |").toString());
  }

  private static String cells(DType precision, Errors ours, Errors pytorch) {
    if (precision == DType.F32) {
      return String.format(Locale.ROOT, " | %.1e", ours.error());
    }
    String ratio =
        pytorch.error() == 0
            ? "exact"
            : String.format(Locale.ROOT, "%.2f", ours.error() / pytorch.error());
    return String.format(Locale.ROOT, " | %.1e, %.1e: %s", ours.error(), pytorch.error(), ratio);
  }

  /// That the script's inputs and results are these.
  private static void checkSame(float[] exact, Expected expected) {
    double norm = 0;
    double check = 0;
    float[] weights = Inputs.draw(new SplittableRandom(0), exact.length, 1);
    for (int i = 0; i < exact.length; i++) {
      norm += (double) exact[i] * exact[i];
      check += (double) exact[i] * weights[i];
    }
    assertThat(Math.sqrt(norm))
        .as("norm")
        .isCloseTo(expected.norm(), within(1e-6 * expected.norm()));
    assertThat(check).as("check").isCloseTo(expected.check(), within(1e-6 * expected.norm()));
  }

  private static Errors errors(float[] actual, float[] exact) {
    assertThat(actual).hasSameSizeAs(exact);
    double difference = 0;
    double size = 0;
    double largestDifference = 0;
    double largest = 0;
    for (int i = 0; i < exact.length; i++) {
      double d = Math.abs((double) actual[i] - exact[i]);
      difference += d * d;
      size += (double) exact[i] * exact[i];
      largestDifference = Double.isNaN(d) ? Double.NaN : Math.max(largestDifference, d);
      largest = Math.max(largest, Math.abs(exact[i]));
    }
    return new Errors(Math.sqrt(difference / size), largestDifference / largest);
  }

  @AfterAll
  static void printTable() {
    StringBuilder head = new StringBuilder("| operation");
    StringBuilder line = new StringBuilder("|---");
    for (Target target : TARGETS) {
      head.append(" | ").append(target);
      line.append("|---");
    }
    System.out.println("Relative errors; in 16 bits ours, PyTorch's, and their ratio");
    System.out.println(head.append(" |"));
    System.out.println(line.append('|'));
    TABLE.values().forEach(System.out::println);
    for (int capability : new int[] {75, 80}) {
      System.out.println(
          "backend %s: at most twice PyTorch's error in %d operations"
              .formatted(InterpretedCuda.name(capability), TABLE.size()));
    }
  }
}
