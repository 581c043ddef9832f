package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Backends.Backend;
import dev.coffey.kernels.Bench.Values;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cuda.InterpretedCuda;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// Every operation on every backend against the scalar one, element by element, on sizes around
/// every tail. A failure names operation, size, kind of values, index and both numbers.
class KernelsContractTest {
  private static final long SEED = 20261123;
  private static final int[] SIZES = {1, 7, 8, 9, 63, 64, 65, 197, 768, 769};

  /// Checks by the name that a user gives to a backend. CI reads the printed lines, and fails where
  /// one is missing.
  private static final Map<String, Integer> CHECKS = new TreeMap<>();

  @BeforeAll
  static void printSeed() {
    System.out.println("KernelsContractTest: seed " + SEED);
  }

  @AfterAll
  static void printCounts() {
    CHECKS.forEach((name, n) ->
        System.out.println(
            "backend " + name + ": ran " + n + " contract checks" + Backends.interpreted(name)));
    Backends.refused().forEach(System.out::println);
    assertThat(CHECKS)
        .as("backends that ran")
        .containsKeys("scalar", "vector", InterpretedCuda.name(75), InterpretedCuda.name(80));
  }

  static List<Arguments> backendsAndOperations() {
    List<Arguments> all = new ArrayList<>();
    List<Backend> backends = new ArrayList<>(Backends.usable());
    backends.addAll(Backends.interpreted());
    for (Backend backend : backends) {
      for (Operation operation : Operation.values()) {
        all.add(Arguments.of(backend, operation));
      }
    }
    return all;
  }

  // Breaks if a tail is skipped, a neighbour overwritten, a stride ignored, or a sum loses a term.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndOperations")
  void operation_anySizeAndValues_equalsTheScalarOne(Backend backend, Operation operation) {
    check(backend, operation, SIZES);
    CHECKS.merge(backend.provider(), SIZES.length * Values.values().length, Integer::sum);
  }

  /// Fails if the backend's results differ from the scalar one's, at one of the sizes, for one of
  /// the kinds of values.
  static void check(Backend backend, Operation operation, int... sizes) {
    try (Kernels kernels = backend.open().apply(2);
        Kernels oracle = new ScalarProvider().open(new KernelsOptions(1))) {
      for (int size : sizes) {
        for (Values values : Values.values()) {
          check(backend, kernels, oracle, operation, size, values);
        }
      }
    }
  }

  private static void check(
      Backend backend,
      Kernels kernels,
      Kernels oracle,
      Operation operation,
      int size,
      Values values) {
    long seed = SEED + size;
    DType precision = backend.precision();
    try (Bench bench = backend.bench(kernels, values, seed);
        Bench reference = backend.bench(oracle, values, seed)) {
      Operation.Call call = operation.call(bench, size);
      Operation.Call referenceCall = operation.call(reference, size);
      float[] expected = Operation.result(referenceCall, reference);
      double[] tolerance = call.tolerance().tolerance(expected);
      float[] actual = Operation.result(call, bench);
      for (int i = 0; i < expected.length; i++) {
        double allowed = tolerance[i] + storing(precision, expected[i], tolerance[i]);
        if (!agrees(actual[i], expected[i], allowed)) {
          throw new AssertionError(
              "%s, size %d, %s: y[%d] is %s, the scalar backend has %s, tolerance %s"
                  .formatted(operation, size, values, i, actual[i], expected[i], allowed));
        }
      }
    }
  }

  /// What storing the result adds: half a unit in its last place, of it and of what it is off by. A
  /// copy of a number that can be stored is exact.
  private static double storing(DType precision, float expected, double tolerance) {
    double unit = Bench.unit(precision);
    if (unit == 0 || tolerance == 0 || Float.isNaN(expected)) {
      return 0;
    }
    double smallest = precision == DType.F16 ? Bench.SMALLEST_NORMAL : 0;
    return unit / 2 * (Math.max(Math.abs(expected), smallest) + tolerance);
  }

  /// NaN and infinities are compared by kind. Where the bound itself is not a number (a term was
  /// infinite), a finite result must be finite, no more.
  private static boolean agrees(float actual, float expected, double tolerance) {
    if (Float.isNaN(expected)) {
      return Float.isNaN(actual);
    }
    if (Float.isInfinite(expected)) {
      return actual == expected;
    }
    if (Double.isFinite(tolerance)) {
      return Math.abs((double) actual - expected) <= tolerance;
    }
    return Float.isFinite(actual);
  }
}
