package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Backends.Backend;
import dev.coffey.kernels.cuda.InterpretedCuda;
import dev.coffey.kernels.cuda.ptx.Fault;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Faults planted in the CUDA kernels, each of a kind that a kernel's author makes: the contract
/// must find every one, else it would not find the author's either.
class KernelFaultsTest {
  private static final Map<Integer, Integer> CAUGHT = new TreeMap<>();

  /// In the PTX of `kernel` the match of `pattern` with number `occurrence` is replaced; then
  /// `operation` must fail at `size`.
  ///
  /// @param multiprocessors by which the tile is chosen
  record Plant(
      String what,
      int capability,
      DType precision,
      int multiprocessors,
      String kernel,
      String pattern,
      int occurrence,
      String replacement,
      Operation operation,
      int size) {
    @Override
    public String toString() {
      return what + ", " + kernel + ", sm_" + capability;
    }

    String plant(String ptx) {
      int first = ptx.indexOf(".entry " + kernel + "(");
      int end = ptx.indexOf("\n}", first);
      assertThat(first).as("entry %s", kernel).isNotNegative();
      Matcher matcher = Pattern.compile(pattern).matcher(ptx).region(first, end);
      for (int i = 0; i <= occurrence; i++) {
        assertThat(matcher.find()).as("%s is in %s", pattern, kernel).isTrue();
      }
      StringBuilder planted = new StringBuilder(ptx.substring(0, matcher.start()));
      planted.append(Pattern.compile(pattern).matcher(matcher.group()).replaceFirst(replacement));
      return planted.append(ptx.substring(matcher.end())).toString();
    }
  }

  private static Plant linear(
      String what, String pattern, int occurrence, String replacement, int size) {
    return new Plant(
        what,
        80,
        DType.F16,
        132,
        "linear_f16_32x32",
        pattern,
        occurrence,
        replacement,
        Operation.LINEAR,
        size);
  }

  private static Plant attention(
      String what, String pattern, int occurrence, String replacement, int size) {
    return new Plant(
        what,
        80,
        DType.F16,
        132,
        "attention_f16_d32",
        pattern,
        occurrence,
        replacement,
        Operation.ATTENTION_BY_LENGTH,
        size);
  }

  private static Plant rows(
      String what,
      String kernel,
      String pattern,
      int occurrence,
      String replacement,
      Operation operation) {
    return new Plant(
        what, 80, DType.F16, 132, kernel, pattern, occurrence, replacement, operation, 65);
  }

  static List<Plant> plants() {
    String barrier = "bar\\.sync\\s+0;";
    String product = "mul\\.rn\\.f32(\\s+%f\\d+), %f\\d+, (%f\\d+);";
    String below = "setp\\.lt\\.s32(\\s+%p\\d+, %r\\d+, %r\\d+;)";
    String quotient = "div\\.rn\\.f32(\\s+%f\\d+, %f\\d+), %f\\d+";
    return List.of(
        linear("a panel's barrier dropped", barrier, 0, "", 769),
        linear(
            "the barrier before the sums pass through shared memory dropped", barrier, 1, "", 769),
        linear("the barrier behind the staged sums dropped", barrier, 2, "", 65),
        linear("one copy too few waited for", "wait_group 4", 0, "wait_group 5", 65),
        linear("the first panel's commit left out", "cp\\.async\\.commit_group;", 0, "", 65),
        linear("a wrong swizzle", "xor\\.b32(\\s+%r\\d+, %r\\d+, %r\\d+;)", 3, "or.b32$1", 65),
        linear(
            "two registers of a fragment exchanged",
            "(mma\\S+ \\{[^}]*\\}, \\{)(%r\\d+), (%r\\d+)",
            0,
            "$1$3, $2",
            65),
        linear(
            "the sums of one product forgotten",
            "(mma\\S+ \\{)(%f\\d+)(, %f\\d+, %f\\d+, %f\\d+\\}, .*, \\{)%f\\d+",
            0,
            "$1$2$3" + "0f00000000",
            65),
        attention("a block's barrier dropped", barrier, 0, "", 65),
        new Plant(
            "the copies not waited for",
            80,
            DType.F16,
            132,
            "attention_f16_d64",
            "wait_group 0",
            0,
            "wait_group 1",
            Operation.ATTENTION_BY_WIDTH,
            64),
        attention("values not transposed", "\\.trans", 0, "", 65),
        attention("a wrong scale", "div\\.rn\\.f32", 0, "mul.rn.f32", 65),
        attention("the least score for the largest", "max\\.f32", 0, "min.f32", 65),
        attention(
            "a block that lacks one key taken for whole",
            "setp\\.gt\\.s32(\\s+%p\\d+, %r\\d+), 63;",
            0,
            "setp.gt.s32$1, 62;",
            191),
        attention("a key behind the text's last", below, 1, "setp.le.s32$1", 197),
        attention("earlier blocks not rescaled", product, 2, "mov.f32$1, $2;", 197),
        new Plant(
            "earlier blocks not rescaled",
            80,
            DType.BF16,
            132,
            "attention_bf16_d128",
            product,
            2,
            "mov.f32$1, $2;",
            Operation.ATTENTION_BY_WIDTH,
            128),
        new Plant(
            "a block's barrier dropped",
            80,
            DType.F16,
            132,
            "attention_f16_d64",
            barrier,
            0,
            "",
            Operation.ATTENTION_BY_WIDTH,
            64),
        new Plant(
            "a key behind the text's last",
            80,
            DType.F32,
            132,
            "attention_f32_d32",
            below,
            2,
            "setp.le.s32$1",
            Operation.ATTENTION_BY_LENGTH,
            65),
        new Plant(
            "values not transposed",
            75,
            DType.F16,
            132,
            "attention_f16_d32",
            "\\.trans",
            0,
            "",
            Operation.ATTENTION_BY_LENGTH,
            65),
        rows(
            "lanes left out of a sum",
            "norm_f16",
            "mov\\.u32(\\s+%r\\d+), 16;",
            0,
            "mov.u32$1, 8;",
            Operation.NORM),
        rows(
            "divided by the wrong number",
            "norm_f16",
            quotient,
            0,
            "div.rn.f32$1, 0f42800000",
            Operation.NORM),
        rows(
            "lanes left out of the largest",
            "softmax_f16",
            "mov\\.u32(\\s+%r\\d+), 16;",
            0,
            "mov.u32$1, 8;",
            Operation.SOFTMAX),
        rows(
            "the mean of another number of rows",
            "pool_f16",
            quotient,
            1,
            "div.rn.f32$1, 0f41600000",
            Operation.POOL_MEAN),
        rows(
            "weights that don't sum up to one",
            "pool_f16",
            quotient,
            0,
            "div.rn.f32$1, 0f42B40000",
            Operation.POOL_WEIGHTED_MEAN),
        rows(
            "a neighbour of another text",
            "neighbours_f16",
            "setp\\.le\\.s32",
            1,
            "setp.lt.s32",
            Operation.NEIGHBOURS),
        new Plant(
            "a result cut instead of rounded",
            80,
            DType.BF16,
            132,
            "linear_bf16_32x32",
            "cvt\\.rn\\.bf16\\.f32",
            0,
            "cvt.rz.bf16.f32",
            Operation.LINEAR,
            65),
        new Plant(
            "a piece of seven numbers taken for eight",
            80,
            DType.F16,
            132,
            "gather_f16",
            "setp\\.gt\\.s32(\\s+%p\\d+, %r\\d+), 7;",
            1,
            "setp.gt.s32$1, 6;",
            Operation.GATHER,
            63),
        rows("a row too many", "gather_f16", "setp\\.ge\\.s32", 0, "setp.gt.s32", Operation.GATHER),
        rows(
            "the root forgotten",
            "pool_f16",
            "sqrt\\.rn\\.f32",
            0,
            "mov.f32",
            Operation.POOL_MEAN_SQRT_LEN),
        new Plant(
            "a panel's barrier dropped",
            75,
            DType.F16,
            132,
            "linear_f16_32x32",
            barrier,
            0,
            "",
            Operation.LINEAR,
            769),
        new Plant(
            "a multiple of K left out",
            75,
            DType.F16,
            132,
            "linear_f16_32x32",
            "mma\\.sync[^;]*;",
            1,
            "",
            Operation.LINEAR,
            65),
        new Plant(
            "a product left out",
            80,
            DType.F32,
            132,
            "linear_f32_32x32",
            "fma\\.rn\\.f32(\\s+%f\\d+), %f\\d+, %f\\d+, (%f\\d+);",
            3,
            "mov.f32$1, $2;",
            Operation.LINEAR,
            65));
  }

  // Breaks if the contract, or the interpreter, is blind to what is planted.
  @ParameterizedTest
  @MethodSource("plants")
  void kernel_withPlantedFault_breaksTheContract(Plant plant) {
    check(plant, UnaryOperator.identity());
    assertThatThrownBy(() -> check(plant, plant::plant))
        .satisfies(failure -> {
          if (failure instanceof Fault fault) {
            assertThat(fault.kind()).isNotIn(Fault.Kind.SYNTAX, Fault.Kind.UNSUPPORTED);
            assertThat(fault).hasMessageContaining("kernel " + plant.kernel());
          } else {
            assertThat(failure).isInstanceOf(AssertionError.class);
          }
          System.out.println("planted " + plant + ": " + failure.getMessage());
        });
    CAUGHT.merge(plant.capability(), 1, Integer::sum);
  }

  private static void check(Plant plant, UnaryOperator<String> edit) {
    Backend backend =
        new Backend(
            plant.toString(),
            InterpretedCuda.name(plant.capability()),
            plant.precision(),
            Bench.ALIGNED_GUARD_COLUMNS,
            _ ->
                InterpretedCuda.open(
                    plant.capability(), plant.precision(), plant.multiprocessors(), edit));
    KernelsContractTest.check(backend, plant.operation(), plant.size());
  }

  @AfterAll
  static void printCounts() {
    CAUGHT.forEach((capability, n) ->
        System.out.println(
            "backend " + InterpretedCuda.name(capability) + ": caught " + n + " planted faults"));
  }
}
