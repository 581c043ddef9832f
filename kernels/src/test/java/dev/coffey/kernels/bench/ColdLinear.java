package dev.coffey.kernels.bench;

import static java.nio.ByteOrder.nativeOrder;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.TensorArena;
import dev.coffey.kernels.cpu.VectorProvider;
import dev.coffey.kernels.peak.FmaPeak;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongSupplier;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The SIMD backend's fp32 `linear` with weights that no cache holds: the matrices of a ring of
/// [#RING_BYTES], one after the other, as a forward pass meets them. `tools/bench cold [ROWS,...]`.
///
/// Beside it, in turns, what bounds it: the same bytes only read, by as many threads, and the FMA
/// peak of one core times the threads. The bound of a product is the longer of the two times.
public final class ColdLinear {
  private static final int[][] SHAPES = {{768, 768}, {768, 2304}, {768, 3072}, {3072, 768}};
  private static final int[] ROWS = {1, 8, 16, 32, 128};

  /// Many times what a third-level cache holds.
  private static final long RING_BYTES = 256L << 20;

  private static final int ROUNDS = 9;
  private static final double MILLI = 1e6;

  /// Each side, before it is measured, so that it is compiled.
  private static final double WARM_UP = 800 * MILLI;

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

  /// Keeps the JIT from dropping the reads.
  @SuppressWarnings("UnusedVariable")
  private static volatile float sink;

  private ColdLinear() {}

  public static void main(String[] arguments) throws Exception {
    int[] rows =
        arguments.length == 0
            ? ROWS
            : Arrays.stream(arguments[0].split(",")).mapToInt(Integer::parseInt).toArray();
    System.out.println(
        "threads    M     K     N |  GB/s    read | GFLOP/s    peak | of the bound: median (min to"
            + " max)");
    Slices.rate(FmaPeak::run, WARM_UP, System::nanoTime);
    for (int threads = 1; threads <= 2; threads++) {
      try (Kernels kernels = new VectorProvider().open(new KernelsOptions(threads));
          TensorArena arena = kernels.arena();
          ExecutorService readers = Executors.newFixedThreadPool(threads)) {
        int columns = 1024;
        MemorySegment memory =
            arena.tensor((int) (RING_BYTES / columns / Float.BYTES), columns).data();
        memory.fill((byte) 1);
        Bounds bounds = new Bounds(readers, threads, memory);
        for (int m : rows) {
          for (int[] shape : SHAPES) {
            System.out.println(measure(kernels, bounds, threads, m, shape[0], shape[1]));
          }
        }
      }
    }
  }

  private static String measure(Kernels kernels, Bounds bounds, int threads, int m, int k, int n) {
    int matrices = (int) (RING_BYTES / ((long) k * n * Float.BYTES));
    try (Ring ring = new Ring(kernels, matrices, m, k, n)) {
      Slices.rate(bounds::read, WARM_UP, System::nanoTime);
      Slices.rate(ring, WARM_UP, System::nanoTime);
      double[] shares = new double[ROUNDS];
      double[] reads = new double[ROUNDS];
      double[] rates = new double[ROUNDS];
      double[] peaks = new double[ROUNDS];
      double perByte = 2.0 * m / Float.BYTES;
      for (int i = 0; i < ROUNDS; i++) {
        reads[i] = Slices.rate(bounds::read, 5 * MILLI, System::nanoTime);
        peaks[i] = Slices.rate(FmaPeak::run, 5 * MILLI, System::nanoTime) * threads;
        rates[i] = Slices.rate(ring, 30 * MILLI, System::nanoTime);
        shares[i] = rates[i] / Math.min(reads[i] * perByte, peaks[i]);
      }
      double rate = Slices.quantile(rates, 0.5);
      return "%7d %4d %5d %5d | %5.1f %7.1f | %7.1f %7.1f | %20.2f (%.2f to %.2f)"
          .formatted(
              threads,
              m,
              k,
              n,
              rate / perByte,
              Slices.quantile(reads, 0.5),
              rate,
              Slices.quantile(peaks, 0.5),
              Slices.quantile(shares, 0.5),
              Slices.quantile(shares, 0),
              Slices.quantile(shares, 1));
    }
  }

  /// Products with matrices of their own. Each call computes the next one.
  private static final class Ring implements LongSupplier, AutoCloseable {
    private final List<Linear> products = new ArrayList<>();
    private int next;

    Ring(Kernels kernels, int matrices, int m, int k, int n) {
      for (int i = 0; i < matrices; i++) {
        products.add(new Linear(kernels, m, k, n));
      }
    }

    @Override
    public long getAsLong() {
      next = (next + 1) % products.size();
      return products.get(next).getAsLong();
    }

    @Override
    public void close() {
      products.forEach(Linear::close);
    }
  }

  /// Reads all of `memory`, each thread its part.
  private record Bounds(ExecutorService readers, int threads, MemorySegment memory) {
    /// Returns the bytes read.
    long read() {
      long part = memory.byteSize() / threads;
      List<Future<?>> parts = new ArrayList<>();
      for (int thread = 0; thread < threads; thread++) {
        MemorySegment own = memory.asSlice(thread * part, part);
        parts.add(readers.submit(() -> sink = sum(own)));
      }
      for (Future<?> future : parts) {
        try {
          future.get();
        } catch (Exception failure) {
          throw new IllegalStateException("reading", failure);
        }
      }
      return memory.byteSize();
    }

    private static float sum(MemorySegment segment) {
      int step = SPECIES.vectorByteSize();
      FloatVector sum0 = FloatVector.zero(SPECIES);
      FloatVector sum1 = FloatVector.zero(SPECIES);
      FloatVector sum2 = FloatVector.zero(SPECIES);
      FloatVector sum3 = FloatVector.zero(SPECIES);
      for (long at = 0; at < segment.byteSize(); at += 4L * step) {
        sum0 = sum0.add(FloatVector.fromMemorySegment(SPECIES, segment, at, nativeOrder()));
        sum1 = sum1.add(FloatVector.fromMemorySegment(SPECIES, segment, at + step, nativeOrder()));
        sum2 =
            sum2.add(
                FloatVector.fromMemorySegment(SPECIES, segment, at + 2L * step, nativeOrder()));
        sum3 =
            sum3.add(
                FloatVector.fromMemorySegment(SPECIES, segment, at + 3L * step, nativeOrder()));
      }
      return sum0.add(sum1).add(sum2).add(sum3).lane(0);
    }
  }
}
