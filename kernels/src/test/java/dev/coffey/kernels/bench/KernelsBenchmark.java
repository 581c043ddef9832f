package dev.coffey.kernels.bench;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.cpu.ScalarProvider;
import dev.coffey.kernels.cpu.VectorProvider;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/// The scalar and the SIMD backend side by side on one thread, at widths of DistilBERT-base: one
/// text of `tokens` tokens. To run all: `org.openjdk.jmh.Main KernelsBenchmark` on the test class
/// path.
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(
    value = 1,
    jvmArgsAppend = {
      "--add-modules=jdk.incubator.vector",
      "--enable-native-access=ALL-UNNAMED",
      "--sun-misc-unsafe-memory-access=allow"
    })
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class KernelsBenchmark {
  private static final int HIDDEN = 768;
  private static final int HEADS = 12;

  /// One backend with one text's tensors.
  @State(Scope.Thread)
  public abstract static class Backend {
    @Param({"16", "128", "512"})
    public int tokens;

    private final Kernels kernels;
    private final TensorArena arena;
    private Tensor x;
    private Tensor y;
    private final PackedWeights square;
    private final PackedWeights narrow;
    private final Indices offsets;

    protected Backend(KernelsProvider provider) {
      kernels = provider.open(new KernelsOptions(1));
      arena = kernels.arena();
      x = arena.tensor(0, HIDDEN);
      y = x;
      square = arena.pack(random(HIDDEN, HIDDEN));
      narrow = arena.pack(random(HIDDEN, 1));
      offsets = arena.indices(2);
    }

    @Setup
    public void fill() {
      x = arena.tensor(random(tokens, HIDDEN));
      y = arena.tensor(tokens, HIDDEN);
      kernels.upload(new int[] {0, tokens}, 2, offsets);
    }

    private static HostTensor random(int rows, int columns) {
      SplittableRandom random = new SplittableRandom(1);
      float[] numbers = new float[rows * columns];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) random.nextDouble(-1, 1);
      }
      return HostTensor.of(numbers, rows, columns);
    }

    void linear() {
      kernels.linear(x, square, null, Activation.NONE, y);
    }

    /// A product of one multiply-add a number: what is left is the activation.
    void geluErf() {
      kernels.linear(x.columns(0, 1), narrow, null, Activation.GELU_ERF, y);
    }

    void attention() {
      kernels.attention(x, offsets, x, x, offsets, HEADS, y);
    }

    @TearDown
    public void close() {
      arena.close();
      kernels.close();
    }
  }

  /// The scalar backend.
  @State(Scope.Thread)
  public static class Scalar extends Backend {
    public Scalar() {
      super(new ScalarProvider());
    }
  }

  /// The SIMD backend.
  @State(Scope.Thread)
  public static class Vector extends Backend {
    public Vector() {
      super(new VectorProvider());
    }
  }

  @Benchmark
  public void linearScalar(Scalar backend) {
    backend.linear();
  }

  @Benchmark
  public void linearVector(Vector backend) {
    backend.linear();
  }

  @Benchmark
  public void geluErfScalar(Scalar backend) {
    backend.geluErf();
  }

  @Benchmark
  public void geluErfVector(Vector backend) {
    backend.geluErf();
  }

  @Benchmark
  public void attentionScalar(Scalar backend) {
    backend.attention();
  }

  @Benchmark
  public void attentionVector(Vector backend) {
    backend.attention();
  }
}
