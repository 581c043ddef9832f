package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ADDRESS;
import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static dev.coffey.kernels.cpu.NativeMemory.FLOAT;
import static dev.coffey.kernels.cpu.NativeMemory.INT;
import static dev.coffey.kernels.cpu.NativeMemory.LONG;

import dev.coffey.kernels.HostTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// `y = start + x·Bᵀ` for a matrix B of (columns, depth) that was packed into panels:
/// `panelColumns` rows of B side by side, for each step of the depth one number of each, zeros
/// where B has no more rows. x is packed too, block by block, as [RowTiling] says. Strides are in
/// bytes, addresses absolute.
///
/// Each number of y is the sum of chains of [#CHAIN] fused multiply-adds, added to its start from
/// the first step of the depth to the last, whatever the number of rows and columns: that is what
/// makes a row's bits independent of its batch.
final class PanelMultiplication {
  /// So that six rows' accumulators leave room in 16 registers, and eight rows' in 32.
  private static final int VECTORS = 2;

  /// Steps of the depth that are summed apart. One chain of 768 or 3072 is less exact: its errors
  /// are those of a sum that grows all the way. With it, logits of DistilBERT-base were off by 5
  /// times as much as PyTorch's, beyond our tolerance of 4 times.
  static final int CHAIN = 256;

  /// Bytes of a page of memory, where the hardware's prefetching ends.
  private static final long PAGE = 4096;

  /// Where sums without a bias start: a vector or more of zeros.
  private static final MemorySegment ZEROS = Arena.global().allocate(4 * CpuArena.ALIGNMENT, 64);

  private final ProductTile tile;
  private final int panelColumns;
  private final int tallest;

  PanelMultiplication(VectorShape shape) {
    this.tile = new ProductTile(shape);
    this.panelColumns = VECTORS * shape.lanes();
    this.tallest = shape.tileRows();
  }

  /// The address of a panel's width of zeros, to start from with stride 0.
  long zeros() {
    return ZEROS.address();
  }

  /// The rows of B in one panel.
  int panelColumns() {
    return panelColumns;
  }

  /// The panels that hold `columns` rows of B.
  int panels(int columns) {
    return (columns + panelColumns - 1) / panelColumns;
  }

  /// The size of one panel.
  long panelBytes(int depth) {
    return (long) panelColumns * depth * Float.BYTES;
  }

  /// The size of a whole packed matrix.
  long packedBytes(int columns, int depth) {
    return panels(columns) * panelBytes(depth);
  }

  /// How a block of `rows` rows of x is cut.
  RowTiling tiling(int rows) {
    return new RowTiling(rows, tallest);
  }

  /// Packs panel `panel` of a checkpoint's matrix B to `target`, which must be zeros. Any thread
  /// may call it.
  void packPanel(HostTensor source, int panel, long target) {
    int depth = source.columns();
    int step = panelColumns * Float.BYTES;
    int first = panel * panelColumns;
    int count = Math.min(panelColumns, source.rows() - first);
    float[] even = new float[depth];
    float[] odd = new float[depth];
    for (int j = 0; j < count; j += 2) {
      HostRows.read(source, first + j, even);
      if (j + 1 < count) {
        HostRows.read(source, first + j + 1, odd);
      } else {
        Arrays.fill(odd, 0);
      }
      interleave(even, odd, target + (long) j * Float.BYTES, step);
    }
  }

  private static void interleave(float[] even, float[] odd, long target, int step) {
    long to = target & ADDRESS;
    for (int i = 0; i < even.length; i++) {
      long low = Float.floatToRawIntBits(even[i]) & 0xffff_ffffL;
      long high = Float.floatToRawIntBits(odd[i]);
      ALL.set(LONG, to & ADDRESS, high << 32 | low);
      to += step;
    }
  }

  /// Packs B from `columns` rows of fp32 numbers, `stride` apart.
  void packRows(long source, long stride, int columns, int depth, long target) {
    int step = panelColumns * Float.BYTES;
    for (int first = 0; first < columns; first += panelColumns) {
      int count = Math.min(panelColumns, columns - first);
      long panel = target + first / panelColumns * panelBytes(depth);
      if (count < panelColumns) {
        zero(panel, panelBytes(depth));
      }
      int j = 0;
      for (; j + 1 < count; j += 2) {
        long row = source + (first + j) * stride;
        interleave(row, row + stride, depth, panel + (long) j * Float.BYTES, step);
      }
      if (j < count) {
        long row = source + (first + j) * stride;
        long to = panel + (long) j * Float.BYTES;
        for (int i = 0; i < depth; i++) {
          float value = ALL.get(FLOAT, (row + (long) i * Float.BYTES) & ADDRESS);
          ALL.set(FLOAT, (to + (long) i * step) & ADDRESS, value);
        }
      }
    }
  }

  /// Packs B from its transpose: `depth` rows of `columns` fp32 numbers, `stride` apart.
  void packColumns(long source, long stride, int columns, int depth, long target) {
    long step = (long) panelColumns * Float.BYTES;
    for (int first = 0; first < columns; first += panelColumns) {
      int count = Math.min(panelColumns, columns - first);
      long panel = target + first / panelColumns * panelBytes(depth);
      if (count < panelColumns) {
        zero(panel, panelBytes(depth));
      }
      copy(source + (long) first * Float.BYTES, stride, depth, count, panel, step);
    }
  }

  /// Packs tile `index` of a block of rows for `depth` steps. `x` is the block's first number.
  void packTile(long x, long stride, RowTiling tiling, int index, int depth, long target) {
    int first = tiling.first(index);
    int last = first + tiling.count(index) - 1;
    int height = RowTiling.height(last + 1 - first);
    int step = RowTiling.groupFloats(height) * Float.BYTES;
    for (int r = 0; r < height; r += 2) {
      long even = x + Math.min(first + r, last) * stride;
      long odd = x + Math.min(first + r + 1, last) * stride;
      interleave(even, odd, depth, target + (long) r * Float.BYTES, step);
    }
  }

  /// Packs a block of rows of x.
  void packBlock(long x, long stride, RowTiling tiling, int depth, long target) {
    for (int index = 0; index < tiling.tiles(); index++) {
      long at = target + (long) tiling.floatsBefore(index) * depth * Float.BYTES;
      packTile(x, stride, tiling, index, depth, at);
    }
  }

  /// Pairs of numbers of two rows, `step` apart: two loads and one store of 8 bytes a pair.
  private static void interleave(long even, long odd, int depth, long target, int step) {
    long first = even & ADDRESS;
    long second = odd & ADDRESS;
    long to = target & ADDRESS;
    for (int i = 0; i < depth; i++) {
      long low = ALL.get(INT, first + 4L * i) & 0xffff_ffffL;
      long high = ALL.get(INT, second + 4L * i);
      ALL.set(LONG, to & ADDRESS, high << 32 | low);
      to += step;
    }
  }

  /// One panel against a block of rows, both for `depth` steps. All tiles take a chain before any
  /// takes the next: the panel's 256 steps, 32 KiB of AVX-512, stay in a first-level cache of 48
  /// KiB, where a whole panel of 96 KiB came from the second level for each tile. 1024 rows: 0.85
  /// of the FMA peak, not 0.81; 128 rows: 0.86, not 0.85; 16 and 32 rows as before (Emerald
  /// Rapids).
  ///
  /// Beside each chain the panel's next one is read ahead, and beside the last chain the first of
  /// `next`: where the next panel begins with a whole chain if this one's last chain is whole, or 0
  /// for none. Java has no prefetch, so a tile reads a number at each step, see [#aheadStride].
  /// Returns what was seen of it, to be stored.
  int multiply(
      RowTiling tiling,
      long packed,
      long panel,
      int depth,
      long start,
      long startStride,
      long y,
      long yStride,
      long next) {
    int tiles = tiling.tiles();
    int common = tiling.rows() / tiles;
    int tall = tiling.rows() % tiles;
    int seen = 0;
    for (int step = 0; step < depth; step += CHAIN) {
      int steps = Math.min(CHAIN, depth - step);
      long b = panel + panelBytes(step);
      long a = packed;
      int done = 0;
      long ahead = ahead(b, depth - step, next);
      long stride = ahead == b ? 0 : aheadStride(tiles);
      long apart = ahead == b ? 0 : aheadApart(tiles);
      for (int index = 0; index < tiles; index++) {
        int count = index < tall ? common + 1 : common;
        int height = RowTiling.height(count);
        boolean first = step == 0;
        long c = y + done * yStride;
        long s = first ? start + done * startStride : c;
        long sStride = first ? startStride : yStride;
        int group = RowTiling.groupFloats(height) * Float.BYTES;
        long at = a + (long) step * group;
        seen ^= tile.run(height, at, b, steps, count, s, sStride, c, yStride, ahead, stride);
        a += (long) depth * group;
        ahead += apart;
        done += count;
      }
    }
    return seen;
  }

  /// What the chain at `b` reads ahead, with `rest` steps left in its panel: a whole chain, so that
  /// no read leaves the matrix, or else `b` itself.
  long ahead(long b, int rest, long next) {
    if (rest >= 2 * CHAIN) {
      return b + panelBytes(CHAIN);
    }
    return rest == CHAIN && next != 0 ? next : b;
  }

  /// How far apart two numbers are that one of `tiles` tiles reads ahead in a chain, which it goes
  /// around in: a page, and a bit of its own share of each page. So the hardware's prefetching,
  /// which ends with a page, is at work in all of the chain's pages at once: weights from memory
  /// come at 8.4 GB/s, not 5.6, where in the pages' order they came no faster than without reading
  /// ahead (16 rows, one thread that reads at 13.5 GB/s at most; Emerald Rapids, busy).
  static long aheadStride(int tiles) {
    return PAGE + ((PAGE / CHAIN) >> shares(tiles));
  }

  /// How far behind another tile's reads a tile's begin: at the end of the other's share of a page,
  /// or earlier, where the last would leave the chain.
  static long aheadApart(int tiles) {
    return (PAGE - (PAGE >> shares(tiles)) - Integer.BYTES) / Math.max(1, tiles - 1);
  }

  /// The logarithm of the parts of a page that as many tiles share: the largest whose stride is
  /// still beyond a page.
  private static int shares(int tiles) {
    int most = Long.numberOfTrailingZeros(PAGE / CHAIN);
    return Math.min(31 - Integer.numberOfLeadingZeros(tiles), most);
  }

  /// Copies `rows` rows of `columns` numbers.
  static void copy(long from, long fromStride, int rows, int columns, long to, long toStride) {
    long bytes = (long) columns * Float.BYTES;
    for (int n = 0; n < rows; n++) {
      MemorySegment.copy(ALL, from + n * fromStride, ALL, to + n * toStride, bytes);
    }
  }

  static void zero(long at, long bytes) {
    ALL.asSlice(at, bytes).fill((byte) 0);
  }
}
