package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Backends.Backend;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// What backends refuse, and how they say it; what may share memory; calls on nothing.
class KernelsRulesTest {
  static List<Backend> backends() {
    return Backends.usable();
  }

  @ParameterizedTest
  @MethodSource("backends")
  void shapesThatDontFit_anyOperation_areRefusedByName(Backend backend) {
    try (Kernels k = backend.open().apply(1);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Tensor x = bench.tensor(bench.numbers(4, 6), 4, 6);
      PackedWeights w = bench.pack(HostTensor.of(bench.numbers(3, 6), 3, 6));
      Tensor y = bench.output(4, 3);
      Tensor same = bench.output(4, 6);
      refused(
          () -> k.linear(x, w, null, Activation.NONE, same),
          "linear: y: expected (4, 3), got (4, 6)");
      refused(
          () -> k.linear(y, w, null, Activation.NONE, same),
          "linear: x: expected (N, 6) for weights (3, 6), got (4, 3)");
      refused(
          () -> k.linear(x, w, bench.vector(new float[4]), Activation.NONE, y),
          "linear: bias: expected (1, 3), got (1, 4)");
      refused(() -> k.softmax(x, y), "softmax: y: expected (4, 6), got (4, 3)");
      refused(
          () -> k.gather(x, bench.indices(0, 4, 1, 1), same),
          "gather: rows[1]: expected 0 to 3, got 4");
      refused(
          () -> k.attention(x, bench.indices(0, 4), x, x, bench.indices(0, 4), 4, same),
          "attention: heads: expected a divisor of the width 6, got 4");
      refused(
          () -> k.attention(x, bench.indices(0, 4), x, x, bench.indices(0, 3), 2, same),
          "attention: keyOffsets[1]: expected 4, the number of rows, got 3");
      refused(
          () -> k.attention(x, bench.indices(0, 2, 4), x, x, bench.indices(0, 4), 2, same),
          "attention: queryOffsets: expected length 2 as keyOffsets, got length 3");
      refused(
          () -> k.pool(x, bench.indices(0, 2, 2, 4), Pooling.MEAN, bench.output(3, 6)),
          "pool: offsets[2]: expected at least 3, got 2");
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void outputOverInput_whereNotAllowed_isRefused(Backend backend) {
    try (Kernels k = backend.open().apply(1);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Tensor x = bench.tensor(bench.numbers(5, 6), 5, 6);
      PackedWeights w = bench.pack(HostTensor.of(bench.numbers(6, 6), 6, 6));
      refused(
          () -> k.linear(x, w, null, Activation.NONE, x),
          "linear: y: expected memory apart from x, got an overlap");
      refused(
          () -> k.softmax(x.rows(0, 4), x.rows(1, 4)),
          "softmax: y: expected x itself or memory apart from it, got a partial overlap");
    }
  }

  // Columns of one matrix lie between each other in memory and share nothing: thirds of a packed
  // (T, 3H) must pass.
  @ParameterizedTest
  @MethodSource("backends")
  void columnsOfOneMatrix_asInputAndOutput_areApart(Backend backend) {
    try (Kernels k = backend.open().apply(2);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Tensor packed = bench.tensor(bench.numbers(5, 32), 5, 32);
      Indices offsets = bench.indices(0, 2, 5);
      Tensor apart = bench.output(5, 8);
      k.attention(
          packed.columns(0, 8),
          offsets,
          packed.columns(8, 8),
          packed.columns(16, 8),
          offsets,
          2,
          apart);
      float[] expected = bench.read(apart);
      Tensor beside = packed.columns(24, 8);
      k.attention(
          packed.columns(0, 8),
          offsets,
          packed.columns(8, 8),
          packed.columns(16, 8),
          offsets,
          2,
          beside);
      float[] actual = new float[expected.length];
      k.download(beside, actual);
      assertThat(actual).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void inPlace_whereAllowed_sameBitsAsApart(Backend backend) {
    try (Kernels k = backend.open().apply(2);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      float[] x = bench.numbers(5, 21);
      Tensor input = bench.tensor(x, 5, 21);
      Tensor table = bench.tensor(bench.numbers(3, 21), 3, 21);
      Indices rows = bench.indices(2, 0, 1, 1, 0);
      Tensor weight = bench.vector(bench.numbers(1, 21));
      Norm norm = new Norm(Norm.Kind.LAYER, weight, weight, 1e-5f);
      PackedWeights w = bench.pack(HostTensor.of(bench.numbers(21, 8), 21, 8));
      Tensor narrow = bench.tensor(bench.numbers(5, 8), 5, 8);
      List<InPlace> operations =
          List.of(
              (from, to) -> k.norm(from, norm, to),
              k::l2Normalize,
              k::softmax,
              (from, to) -> k.addPositionNorm(from, table, rows, table, rows, norm, to),
              (from, to) -> k.linearAddNorm(narrow, w, null, from, norm, to));
      for (InPlace operation : operations) {
        Tensor apart = bench.output(5, 21);
        operation.run(input, apart);
        float[] expected = bench.read(apart);
        Tensor both = bench.inPlace(x, 5, 21);
        operation.run(both, both);
        assertThat(bench.read(both)).isEqualTo(expected);
      }
    }
  }

  @FunctionalInterface
  private interface InPlace {
    void run(Tensor from, Tensor to);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void noRows_anyOperation_doesNothing(Backend backend) {
    try (Kernels k = backend.open().apply(2);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Tensor none = bench.tensor(new float[0], 0, 6);
      Tensor y = bench.output(0, 6);
      Indices empty = bench.indices();
      Indices noTexts = bench.indices(0);
      PackedWeights w = bench.pack(HostTensor.of(bench.numbers(6, 6), 6, 6));
      Tensor weight = bench.vector(new float[6]);
      Norm norm = new Norm(Norm.Kind.LAYER, weight, weight, 1e-5f);
      k.gather(none, empty, y);
      k.addPositionNorm(none, none, empty, null, null, norm, y);
      k.linear(none, w, null, Activation.GELU_ERF, y);
      k.linearAddNorm(none, w, null, none, norm, y);
      k.attention(none, noTexts, none, none, noTexts, 2, y);
      k.pool(none, noTexts, Pooling.MEAN, y);
      k.norm(none, norm, y);
      k.softmax(none, y);
      k.l2Normalize(none, y);
      k.neighbours(none, empty, noTexts, bench.output(0, 18));
    }
  }

  @ParameterizedTest
  @MethodSource("backends")
  void upload_aPart_leavesTheRest(Backend backend) {
    try (Kernels k = backend.open().apply(1);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Indices target = bench.indices(1, 1, 1);
      k.upload(new int[] {0, 2, 9}, 2, target);
      Tensor table = bench.tensor(new float[] {10, 11, 12}, 3, 1);
      Tensor y = bench.output(3, 1);
      k.gather(table, target, y);
      assertThat(bench.read(y)).containsExactly(10, 12, 11);
      refused(
          () -> k.upload(new int[4], 4, target),
          "upload: count: expected 0 to 3 (source has 4, target 3), got 4");
    }
  }

  // Checkpoints come as F16 and BF16 too, at odd addresses: each must be read as the numbers it
  // stands for.
  @ParameterizedTest
  @MethodSource("backends")
  void tensor_halfPrecisionAtAnOddAddress_isWidenedExactly(Backend backend) {
    float[] numbers = {1.5f, -0.25f, 3, 0, -7, 0.0009765625f};
    byte[] f16 = new byte[13];
    byte[] bf16 = new byte[13];
    for (int i = 0; i < 6; i++) {
      int half = Float.floatToFloat16(numbers[i]);
      int upper = Float.floatToRawIntBits(numbers[i]) >>> 16;
      f16[1 + 2 * i] = (byte) half;
      f16[2 + 2 * i] = (byte) (half >> 8);
      bf16[1 + 2 * i] = (byte) upper;
      bf16[2 + 2 * i] = (byte) (upper >> 8);
    }
    try (Kernels k = backend.open().apply(1);
        TensorArena arena = k.arena()) {
      for (HostTensor source : List.of(host(f16, DType.F16), host(bf16, DType.BF16))) {
        float[] actual = new float[6];
        k.download(arena.tensor(source), actual);
        assertThat(actual).isEqualTo(numbers);
      }
    }
  }

  private static HostTensor host(byte[] bytes, DType dtype) {
    return new HostTensor(MemorySegment.ofArray(bytes).asSlice(1), dtype, 2, 3);
  }

  @ParameterizedTest
  @MethodSource("backends")
  void weightsOfAnotherBackend_linear_areRefused(Backend backend) {
    PackedWeights foreign = new ForeignWeights();
    try (Kernels k = backend.open().apply(1);
        Bench bench = new Bench(k, Bench.Values.SIGNED, 1)) {
      Tensor x = bench.tensor(new float[] {1}, 1, 1);
      Tensor y = bench.output(1, 1);
      assertThatThrownBy(() -> k.linear(x, foreign, null, Activation.NONE, y))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("linear: w: expected weights packed by backend '" + k.name() + "'");
    }
  }

  private record ForeignWeights() implements PackedWeights {
    @Override
    public int outputs() {
      return 1;
    }

    @Override
    public int inputs() {
      return 1;
    }

    @Override
    public int parts() {
      return 1;
    }

    @Override
    public PackedWeights parts(int from, int to) {
      return this;
    }
  }

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }
}
