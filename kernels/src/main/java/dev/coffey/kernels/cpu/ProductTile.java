package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ADDRESS;
import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static dev.coffey.kernels.cpu.NativeMemory.FLOAT;
import static dev.coffey.kernels.cpu.NativeMemory.INT;
import static java.nio.ByteOrder.nativeOrder;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The innermost loops of every matrix product: a tile of H rows by two vectors of columns, `c = s
/// + Σ_k a[k][row]·b[k][column]`. The sum is one chain of fused multiply-adds an element, from 0 on
///   in the order of k, so an element has the same bits whichever height computes it.
///
/// Arguments; addresses are absolute, and the operation's door has checked what they span:
/// - `a`: rows packed as [RowTiling] says, `k` groups of [RowTiling#groupFloats] floats, the first
///   H of a group being the rows; a tile of fewer rows repeats its last
/// - `b`: a panel of [PanelMultiplication], `k` steps of two vectors, `k >= 1`
/// - `rows`: how many rows exist, 1 to H; a repeated row is computed and written again, the same
///   bits to the same place
/// - `s`, `sStride`: what is added: a bias with stride 0, or partial sums; strides in bytes
/// - `c`, `cStride`: the result, may be `s` (all of s is read before c is written)
/// - `ahead`, `stride`: what is read beside, so that it is in the caches when its turn comes: at
///   each step a number, `stride` bytes further each time, around within a chain's bytes (see
///   [PanelMultiplication]) from `ahead` on; `b` and 0 for nothing else. The result is made of
///   those numbers, so that the JIT keeps the reads; the caller stores it
///
/// What decides the speed is whether the 12 accumulators of 6 rows stay in the 16 registers of
/// AVX2; one that is spilled has a store and a load in its chain. Measured on Zen 3 with C2 of JDK
/// 25, 1.00 being the peak of FMAs in registers:
/// - **No range checks inside the loop.** [NativeMemory#ALL] spans everything, and each offset has
///   a type that proves it in range (`& ADDRESS`, `& OFFSET`), so C2 folds the checks. With real
///   segments they stay or go by luck: 0.26 to 0.92 for the same source.
/// - **B's loads come before the broadcasts.** C2 picks loads first until about 15 vectors are
///   live, and only then FMAs: with the broadcasts first, B makes it 18, and 4 are spilled: 0.39.
///   Up to 6 rows A's address needs a shift and an addition after B's. Broadcasts from one packed
///   stream, [register + constant], rank below an FMA that is ready; from H row pointers, above.
/// - **Not a counted loop.** `off` wraps by a mask that never bites, so C2 neither unrolls (6 rows
///   unrolled by two: 0.43, 4 rows: 0.28) nor splits the loop. The exit compares ints: a long `!=`
///   becomes four instructions (5 rows: 0.82 against 0.98).
/// - **One method a height**, and no helper with vectors as arguments: those can fall out of
///   inlining, which boxes the vectors: 0.05.
/// - **Only 8 rows read ahead.** With 16 registers, in tiles of 5 and 6 rows, it takes everything
///   above away: 0.11 and 0.40. And each instruction counts there: A's offset is the loop's, so
///   that the processor scales it to B's (0.89 on an Emerald Rapids, not 0.87 with a shift beside),
///   and the reads go around by an addition and a mask (three more instructions: 0.78).
/// - **No more than 8 rows.** In methods of 10 and 12 rows some of the vectors' own methods fall
///   out of inlining (C2's limit on nodes), with the same end: 0.14 on a Zen 4 with AVX-512, where
///   8 rows reach 0.95 to 0.97. Twelve would only save a third of the loads, of which a core does
///   two beside each FMA; made to compile, they were slower in the model (`docs/performance.md`).
final class ProductTile {
  /// The wrap of the loops' offset: beyond any tile's size.
  private static final long OFFSET = (1L << 40) - 1;

  private final VectorShape shape;

  private final PlainTile plain;

  ProductTile(VectorShape shape) {
    this.shape = shape;
    this.plain = new PlainTile(2 * shape.lanes());
  }

  /// Runs the tile of `height` rows, one of [RowTiling#height].
  int run(
      int height,
      long a,
      long b,
      int k,
      int rows,
      long s,
      long sStride,
      long c,
      long cStride,
      long ahead,
      long stride) {
    if (shape.plain()) {
      plain.run(height, a, b, k, rows, s, sStride, c, cStride);
      return 0;
    }
    switch (height) {
      case 4 -> rows4(a, b, k, rows, s, sStride, c, cStride);
      case 5 -> rows5(a, b, k, rows, s, sStride, c, cStride);
      case 6 -> rows6(a, b, k, rows, s, sStride, c, cStride);
      case 8 -> {
        return rows8(a, b, k, rows, s, sStride, c, cStride, ahead, stride);
      }
      default -> throw new IllegalArgumentException("no tile of height " + height);
    }
    return 0;
  }

  /// Where packed A stands when packed B stands at `off`: at as many groups of `groupBytes` as B
  /// has done steps of `stepBytes`, both powers of two and constants to the JIT. One shift.
  private static long groupOffset(long off, int stepBytes, int groupBytes) {
    int down = Integer.numberOfTrailingZeros(stepBytes) - Integer.numberOfTrailingZeros(groupBytes);
    return down >= 0 ? off >>> down : off << -down;
  }

  private void rows4(long a, long b, int k, int rows, long s, long sStride, long c, long cStride) {
    VectorSpecies<Float> species = shape.species();
    int vector = species.vectorByteSize();
    int step = 2 * vector;
    FloatVector l0 = FloatVector.zero(species);
    FloatVector r0 = FloatVector.zero(species);
    FloatVector l1 = FloatVector.zero(species);
    FloatVector r1 = FloatVector.zero(species);
    FloatVector l2 = FloatVector.zero(species);
    FloatVector r2 = FloatVector.zero(species);
    FloatVector l3 = FloatVector.zero(species);
    FloatVector r3 = FloatVector.zero(species);
    long panel = b & ADDRESS;
    long packed = a & ADDRESS;
    int end = k * step;
    long off = 0;
    do {
      FloatVector bl = FloatVector.fromMemorySegment(species, ALL, panel + off, nativeOrder());
      FloatVector br =
          FloatVector.fromMemorySegment(species, ALL, panel + off + vector, nativeOrder());
      long at = packed + groupOffset(off, step, 16);
      FloatVector x0 = FloatVector.broadcast(species, ALL.get(FLOAT, at));
      l0 = x0.fma(bl, l0);
      r0 = x0.fma(br, r0);
      FloatVector x1 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 4));
      l1 = x1.fma(bl, l1);
      r1 = x1.fma(br, r1);
      FloatVector x2 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 8));
      l2 = x2.fma(bl, l2);
      r2 = x2.fma(br, r2);
      FloatVector x3 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 12));
      l3 = x3.fma(bl, l3);
      r3 = x3.fma(br, r3);
      off = (off + step) & OFFSET;
    } while ((int) off != end);
    long s0 = s & ADDRESS;
    l0 = l0.add(FloatVector.fromMemorySegment(species, ALL, s0, nativeOrder()));
    r0 = r0.add(FloatVector.fromMemorySegment(species, ALL, s0 + vector, nativeOrder()));
    long s1 = (s + Math.min(1, rows - 1) * sStride) & ADDRESS;
    l1 = l1.add(FloatVector.fromMemorySegment(species, ALL, s1, nativeOrder()));
    r1 = r1.add(FloatVector.fromMemorySegment(species, ALL, s1 + vector, nativeOrder()));
    long s2 = (s + Math.min(2, rows - 1) * sStride) & ADDRESS;
    l2 = l2.add(FloatVector.fromMemorySegment(species, ALL, s2, nativeOrder()));
    r2 = r2.add(FloatVector.fromMemorySegment(species, ALL, s2 + vector, nativeOrder()));
    long s3 = (s + Math.min(3, rows - 1) * sStride) & ADDRESS;
    l3 = l3.add(FloatVector.fromMemorySegment(species, ALL, s3, nativeOrder()));
    r3 = r3.add(FloatVector.fromMemorySegment(species, ALL, s3 + vector, nativeOrder()));
    long c0 = c & ADDRESS;
    l0.intoMemorySegment(ALL, c0, nativeOrder());
    r0.intoMemorySegment(ALL, c0 + vector, nativeOrder());
    long c1 = (c + Math.min(1, rows - 1) * cStride) & ADDRESS;
    l1.intoMemorySegment(ALL, c1, nativeOrder());
    r1.intoMemorySegment(ALL, c1 + vector, nativeOrder());
    long c2 = (c + Math.min(2, rows - 1) * cStride) & ADDRESS;
    l2.intoMemorySegment(ALL, c2, nativeOrder());
    r2.intoMemorySegment(ALL, c2 + vector, nativeOrder());
    long c3 = (c + Math.min(3, rows - 1) * cStride) & ADDRESS;
    l3.intoMemorySegment(ALL, c3, nativeOrder());
    r3.intoMemorySegment(ALL, c3 + vector, nativeOrder());
  }

  private void rows5(long a, long b, int k, int rows, long s, long sStride, long c, long cStride) {
    VectorSpecies<Float> species = shape.species();
    int vector = species.vectorByteSize();
    int step = 2 * vector;
    FloatVector l0 = FloatVector.zero(species);
    FloatVector r0 = FloatVector.zero(species);
    FloatVector l1 = FloatVector.zero(species);
    FloatVector r1 = FloatVector.zero(species);
    FloatVector l2 = FloatVector.zero(species);
    FloatVector r2 = FloatVector.zero(species);
    FloatVector l3 = FloatVector.zero(species);
    FloatVector r3 = FloatVector.zero(species);
    FloatVector l4 = FloatVector.zero(species);
    FloatVector r4 = FloatVector.zero(species);
    long panel = b & ADDRESS;
    long packed = a & ADDRESS;
    int end = k * step;
    long off = 0;
    do {
      FloatVector bl = FloatVector.fromMemorySegment(species, ALL, panel + off, nativeOrder());
      FloatVector br =
          FloatVector.fromMemorySegment(species, ALL, panel + off + vector, nativeOrder());
      long at = packed + groupOffset(off, step, 32);
      FloatVector x0 = FloatVector.broadcast(species, ALL.get(FLOAT, at));
      l0 = x0.fma(bl, l0);
      r0 = x0.fma(br, r0);
      FloatVector x1 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 4));
      l1 = x1.fma(bl, l1);
      r1 = x1.fma(br, r1);
      FloatVector x2 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 8));
      l2 = x2.fma(bl, l2);
      r2 = x2.fma(br, r2);
      FloatVector x3 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 12));
      l3 = x3.fma(bl, l3);
      r3 = x3.fma(br, r3);
      FloatVector x4 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 16));
      l4 = x4.fma(bl, l4);
      r4 = x4.fma(br, r4);
      off = (off + step) & OFFSET;
    } while ((int) off != end);
    long s0 = s & ADDRESS;
    l0 = l0.add(FloatVector.fromMemorySegment(species, ALL, s0, nativeOrder()));
    r0 = r0.add(FloatVector.fromMemorySegment(species, ALL, s0 + vector, nativeOrder()));
    long s1 = (s + Math.min(1, rows - 1) * sStride) & ADDRESS;
    l1 = l1.add(FloatVector.fromMemorySegment(species, ALL, s1, nativeOrder()));
    r1 = r1.add(FloatVector.fromMemorySegment(species, ALL, s1 + vector, nativeOrder()));
    long s2 = (s + Math.min(2, rows - 1) * sStride) & ADDRESS;
    l2 = l2.add(FloatVector.fromMemorySegment(species, ALL, s2, nativeOrder()));
    r2 = r2.add(FloatVector.fromMemorySegment(species, ALL, s2 + vector, nativeOrder()));
    long s3 = (s + Math.min(3, rows - 1) * sStride) & ADDRESS;
    l3 = l3.add(FloatVector.fromMemorySegment(species, ALL, s3, nativeOrder()));
    r3 = r3.add(FloatVector.fromMemorySegment(species, ALL, s3 + vector, nativeOrder()));
    long s4 = (s + Math.min(4, rows - 1) * sStride) & ADDRESS;
    l4 = l4.add(FloatVector.fromMemorySegment(species, ALL, s4, nativeOrder()));
    r4 = r4.add(FloatVector.fromMemorySegment(species, ALL, s4 + vector, nativeOrder()));
    long c0 = c & ADDRESS;
    l0.intoMemorySegment(ALL, c0, nativeOrder());
    r0.intoMemorySegment(ALL, c0 + vector, nativeOrder());
    long c1 = (c + Math.min(1, rows - 1) * cStride) & ADDRESS;
    l1.intoMemorySegment(ALL, c1, nativeOrder());
    r1.intoMemorySegment(ALL, c1 + vector, nativeOrder());
    long c2 = (c + Math.min(2, rows - 1) * cStride) & ADDRESS;
    l2.intoMemorySegment(ALL, c2, nativeOrder());
    r2.intoMemorySegment(ALL, c2 + vector, nativeOrder());
    long c3 = (c + Math.min(3, rows - 1) * cStride) & ADDRESS;
    l3.intoMemorySegment(ALL, c3, nativeOrder());
    r3.intoMemorySegment(ALL, c3 + vector, nativeOrder());
    long c4 = (c + Math.min(4, rows - 1) * cStride) & ADDRESS;
    l4.intoMemorySegment(ALL, c4, nativeOrder());
    r4.intoMemorySegment(ALL, c4 + vector, nativeOrder());
  }

  private void rows6(long a, long b, int k, int rows, long s, long sStride, long c, long cStride) {
    VectorSpecies<Float> species = shape.species();
    int vector = species.vectorByteSize();
    int step = 2 * vector;
    FloatVector l0 = FloatVector.zero(species);
    FloatVector r0 = FloatVector.zero(species);
    FloatVector l1 = FloatVector.zero(species);
    FloatVector r1 = FloatVector.zero(species);
    FloatVector l2 = FloatVector.zero(species);
    FloatVector r2 = FloatVector.zero(species);
    FloatVector l3 = FloatVector.zero(species);
    FloatVector r3 = FloatVector.zero(species);
    FloatVector l4 = FloatVector.zero(species);
    FloatVector r4 = FloatVector.zero(species);
    FloatVector l5 = FloatVector.zero(species);
    FloatVector r5 = FloatVector.zero(species);
    long panel = b & ADDRESS;
    long packed = a & ADDRESS;
    int end = k * step;
    long off = 0;
    do {
      FloatVector bl = FloatVector.fromMemorySegment(species, ALL, panel + off, nativeOrder());
      FloatVector br =
          FloatVector.fromMemorySegment(species, ALL, panel + off + vector, nativeOrder());
      long at = packed + groupOffset(off, step, 32);
      FloatVector x0 = FloatVector.broadcast(species, ALL.get(FLOAT, at));
      l0 = x0.fma(bl, l0);
      r0 = x0.fma(br, r0);
      FloatVector x1 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 4));
      l1 = x1.fma(bl, l1);
      r1 = x1.fma(br, r1);
      FloatVector x2 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 8));
      l2 = x2.fma(bl, l2);
      r2 = x2.fma(br, r2);
      FloatVector x3 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 12));
      l3 = x3.fma(bl, l3);
      r3 = x3.fma(br, r3);
      FloatVector x4 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 16));
      l4 = x4.fma(bl, l4);
      r4 = x4.fma(br, r4);
      FloatVector x5 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 20));
      l5 = x5.fma(bl, l5);
      r5 = x5.fma(br, r5);
      off = (off + step) & OFFSET;
    } while ((int) off != end);
    long s0 = s & ADDRESS;
    l0 = l0.add(FloatVector.fromMemorySegment(species, ALL, s0, nativeOrder()));
    r0 = r0.add(FloatVector.fromMemorySegment(species, ALL, s0 + vector, nativeOrder()));
    long s1 = (s + Math.min(1, rows - 1) * sStride) & ADDRESS;
    l1 = l1.add(FloatVector.fromMemorySegment(species, ALL, s1, nativeOrder()));
    r1 = r1.add(FloatVector.fromMemorySegment(species, ALL, s1 + vector, nativeOrder()));
    long s2 = (s + Math.min(2, rows - 1) * sStride) & ADDRESS;
    l2 = l2.add(FloatVector.fromMemorySegment(species, ALL, s2, nativeOrder()));
    r2 = r2.add(FloatVector.fromMemorySegment(species, ALL, s2 + vector, nativeOrder()));
    long s3 = (s + Math.min(3, rows - 1) * sStride) & ADDRESS;
    l3 = l3.add(FloatVector.fromMemorySegment(species, ALL, s3, nativeOrder()));
    r3 = r3.add(FloatVector.fromMemorySegment(species, ALL, s3 + vector, nativeOrder()));
    long s4 = (s + Math.min(4, rows - 1) * sStride) & ADDRESS;
    l4 = l4.add(FloatVector.fromMemorySegment(species, ALL, s4, nativeOrder()));
    r4 = r4.add(FloatVector.fromMemorySegment(species, ALL, s4 + vector, nativeOrder()));
    long s5 = (s + Math.min(5, rows - 1) * sStride) & ADDRESS;
    l5 = l5.add(FloatVector.fromMemorySegment(species, ALL, s5, nativeOrder()));
    r5 = r5.add(FloatVector.fromMemorySegment(species, ALL, s5 + vector, nativeOrder()));
    long c0 = c & ADDRESS;
    l0.intoMemorySegment(ALL, c0, nativeOrder());
    r0.intoMemorySegment(ALL, c0 + vector, nativeOrder());
    long c1 = (c + Math.min(1, rows - 1) * cStride) & ADDRESS;
    l1.intoMemorySegment(ALL, c1, nativeOrder());
    r1.intoMemorySegment(ALL, c1 + vector, nativeOrder());
    long c2 = (c + Math.min(2, rows - 1) * cStride) & ADDRESS;
    l2.intoMemorySegment(ALL, c2, nativeOrder());
    r2.intoMemorySegment(ALL, c2 + vector, nativeOrder());
    long c3 = (c + Math.min(3, rows - 1) * cStride) & ADDRESS;
    l3.intoMemorySegment(ALL, c3, nativeOrder());
    r3.intoMemorySegment(ALL, c3 + vector, nativeOrder());
    long c4 = (c + Math.min(4, rows - 1) * cStride) & ADDRESS;
    l4.intoMemorySegment(ALL, c4, nativeOrder());
    r4.intoMemorySegment(ALL, c4 + vector, nativeOrder());
    long c5 = (c + Math.min(5, rows - 1) * cStride) & ADDRESS;
    l5.intoMemorySegment(ALL, c5, nativeOrder());
    r5.intoMemorySegment(ALL, c5 + vector, nativeOrder());
  }

  private int rows8(
      long a,
      long b,
      int k,
      int rows,
      long s,
      long sStride,
      long c,
      long cStride,
      long ahead,
      long stride) {
    VectorSpecies<Float> species = shape.species();
    int vector = species.vectorByteSize();
    int step = 2 * vector;
    FloatVector l0 = FloatVector.zero(species);
    FloatVector r0 = FloatVector.zero(species);
    FloatVector l1 = FloatVector.zero(species);
    FloatVector r1 = FloatVector.zero(species);
    FloatVector l2 = FloatVector.zero(species);
    FloatVector r2 = FloatVector.zero(species);
    FloatVector l3 = FloatVector.zero(species);
    FloatVector r3 = FloatVector.zero(species);
    FloatVector l4 = FloatVector.zero(species);
    FloatVector r4 = FloatVector.zero(species);
    FloatVector l5 = FloatVector.zero(species);
    FloatVector r5 = FloatVector.zero(species);
    FloatVector l6 = FloatVector.zero(species);
    FloatVector r6 = FloatVector.zero(species);
    FloatVector l7 = FloatVector.zero(species);
    FloatVector r7 = FloatVector.zero(species);
    long panel = b & ADDRESS;
    long packed = a & ADDRESS;
    int group = 8 * Float.BYTES;
    int scale = Integer.numberOfTrailingZeros(step / group);
    int end = k * group;
    long next = ahead & ADDRESS;
    long chain = (long) PanelMultiplication.CHAIN * step - 1;
    long spot = 0;
    long off = 0;
    int seen = 0;
    do {
      seen ^= ALL.get(INT, next + spot);
      spot = (spot + stride) & chain;
      FloatVector bl =
          FloatVector.fromMemorySegment(species, ALL, panel + (off << scale), nativeOrder());
      FloatVector br =
          FloatVector.fromMemorySegment(
              species, ALL, panel + (off << scale) + vector, nativeOrder());
      long at = packed + off;
      FloatVector x0 = FloatVector.broadcast(species, ALL.get(FLOAT, at));
      l0 = x0.fma(bl, l0);
      r0 = x0.fma(br, r0);
      FloatVector x1 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 4));
      l1 = x1.fma(bl, l1);
      r1 = x1.fma(br, r1);
      FloatVector x2 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 8));
      l2 = x2.fma(bl, l2);
      r2 = x2.fma(br, r2);
      FloatVector x3 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 12));
      l3 = x3.fma(bl, l3);
      r3 = x3.fma(br, r3);
      FloatVector x4 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 16));
      l4 = x4.fma(bl, l4);
      r4 = x4.fma(br, r4);
      FloatVector x5 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 20));
      l5 = x5.fma(bl, l5);
      r5 = x5.fma(br, r5);
      FloatVector x6 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 24));
      l6 = x6.fma(bl, l6);
      r6 = x6.fma(br, r6);
      FloatVector x7 = FloatVector.broadcast(species, ALL.get(FLOAT, at + 28));
      l7 = x7.fma(bl, l7);
      r7 = x7.fma(br, r7);
      off = (off + group) & OFFSET;
    } while ((int) off != end);
    long s0 = s & ADDRESS;
    l0 = l0.add(FloatVector.fromMemorySegment(species, ALL, s0, nativeOrder()));
    r0 = r0.add(FloatVector.fromMemorySegment(species, ALL, s0 + vector, nativeOrder()));
    long s1 = (s + Math.min(1, rows - 1) * sStride) & ADDRESS;
    l1 = l1.add(FloatVector.fromMemorySegment(species, ALL, s1, nativeOrder()));
    r1 = r1.add(FloatVector.fromMemorySegment(species, ALL, s1 + vector, nativeOrder()));
    long s2 = (s + Math.min(2, rows - 1) * sStride) & ADDRESS;
    l2 = l2.add(FloatVector.fromMemorySegment(species, ALL, s2, nativeOrder()));
    r2 = r2.add(FloatVector.fromMemorySegment(species, ALL, s2 + vector, nativeOrder()));
    long s3 = (s + Math.min(3, rows - 1) * sStride) & ADDRESS;
    l3 = l3.add(FloatVector.fromMemorySegment(species, ALL, s3, nativeOrder()));
    r3 = r3.add(FloatVector.fromMemorySegment(species, ALL, s3 + vector, nativeOrder()));
    long s4 = (s + Math.min(4, rows - 1) * sStride) & ADDRESS;
    l4 = l4.add(FloatVector.fromMemorySegment(species, ALL, s4, nativeOrder()));
    r4 = r4.add(FloatVector.fromMemorySegment(species, ALL, s4 + vector, nativeOrder()));
    long s5 = (s + Math.min(5, rows - 1) * sStride) & ADDRESS;
    l5 = l5.add(FloatVector.fromMemorySegment(species, ALL, s5, nativeOrder()));
    r5 = r5.add(FloatVector.fromMemorySegment(species, ALL, s5 + vector, nativeOrder()));
    long s6 = (s + Math.min(6, rows - 1) * sStride) & ADDRESS;
    l6 = l6.add(FloatVector.fromMemorySegment(species, ALL, s6, nativeOrder()));
    r6 = r6.add(FloatVector.fromMemorySegment(species, ALL, s6 + vector, nativeOrder()));
    long s7 = (s + Math.min(7, rows - 1) * sStride) & ADDRESS;
    l7 = l7.add(FloatVector.fromMemorySegment(species, ALL, s7, nativeOrder()));
    r7 = r7.add(FloatVector.fromMemorySegment(species, ALL, s7 + vector, nativeOrder()));
    long c0 = c & ADDRESS;
    l0.intoMemorySegment(ALL, c0, nativeOrder());
    r0.intoMemorySegment(ALL, c0 + vector, nativeOrder());
    long c1 = (c + Math.min(1, rows - 1) * cStride) & ADDRESS;
    l1.intoMemorySegment(ALL, c1, nativeOrder());
    r1.intoMemorySegment(ALL, c1 + vector, nativeOrder());
    long c2 = (c + Math.min(2, rows - 1) * cStride) & ADDRESS;
    l2.intoMemorySegment(ALL, c2, nativeOrder());
    r2.intoMemorySegment(ALL, c2 + vector, nativeOrder());
    long c3 = (c + Math.min(3, rows - 1) * cStride) & ADDRESS;
    l3.intoMemorySegment(ALL, c3, nativeOrder());
    r3.intoMemorySegment(ALL, c3 + vector, nativeOrder());
    long c4 = (c + Math.min(4, rows - 1) * cStride) & ADDRESS;
    l4.intoMemorySegment(ALL, c4, nativeOrder());
    r4.intoMemorySegment(ALL, c4 + vector, nativeOrder());
    long c5 = (c + Math.min(5, rows - 1) * cStride) & ADDRESS;
    l5.intoMemorySegment(ALL, c5, nativeOrder());
    r5.intoMemorySegment(ALL, c5 + vector, nativeOrder());
    long c6 = (c + Math.min(6, rows - 1) * cStride) & ADDRESS;
    l6.intoMemorySegment(ALL, c6, nativeOrder());
    r6.intoMemorySegment(ALL, c6 + vector, nativeOrder());
    long c7 = (c + Math.min(7, rows - 1) * cStride) & ADDRESS;
    l7.intoMemorySegment(ALL, c7, nativeOrder());
    r7.intoMemorySegment(ALL, c7 + vector, nativeOrder());
    return seen;
  }
}
