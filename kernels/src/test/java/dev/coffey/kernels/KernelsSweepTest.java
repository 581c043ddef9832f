package dev.coffey.kernels;

import dev.coffey.kernels.Backends.Backend;
import dev.coffey.kernels.cuda.InterpretedCuda;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/// The contract of the CUDA kernels with every tile, aligned and not, at every length that a block
/// of keys or rows can end with.
@Tag("soak")
class KernelsSweepTest {
  private static final int[] SIZES =
      IntStream.rangeClosed(1, 130)
          // All short ones, and those around the ends of blocks of 16.
          .filter(n -> n <= 17 || (n + 2) % 16 <= 3)
          .toArray();

  static List<Arguments> backendsAndOperations() {
    List<Arguments> all = new ArrayList<>();
    for (int capability : new int[] {75, 80}) {
      for (DType precision : DType.values()) {
        // The first chooses the largest tiles, the last the smallest.
        for (int multiprocessors : new int[] {1, 4, 132}) {
          if (capability == 75 && precision == DType.BF16) {
            continue;
          }
          Backend backend = Backends.interpreted(capability, precision, multiprocessors);
          for (Operation operation : Operation.values()) {
            all.add(Arguments.of(backend, operation));
            all.add(Arguments.of(backend.aligned(), operation));
          }
        }
      }
    }
    return all;
  }

  // Breaks if a tail of some length is forgotten.
  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("backendsAndOperations")
  void operation_everyLengthAndTile_equalsTheScalarOne(Backend backend, Operation operation) {
    KernelsContractTest.check(backend, operation, SIZES);
  }

  @AfterAll
  static void printCounts() {
    for (int capability : new int[] {75, 80}) {
      System.out.println(
          "backend "
              + InterpretedCuda.name(capability)
              + ": ran the sweep, "
              + InterpretedCuda.done(capability));
    }
  }
}
