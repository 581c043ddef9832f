package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.addressOf;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/// `y = act(x·Wᵀ + bias)` on all threads: x is packed once, then chunks of (block of rows) × (some
/// panels) are computed, and the activation is applied while a chunk is in the cache. Owned by the
/// thread that owns the backend.
///
/// Chains start at zero; the bias is added to the first, the others to the stored partial sums.
/// Blocks of the depth are cut by [#DEPTH] alone, a multiple of the chain's length, never by rows
/// or threads: the same bits as in one go.
final class BlockedProduct {
  /// Rows of a block at most: packed, 128 rows of 768 take 524 KB, about the second-level cache,
  /// and each panel that comes from memory serves 22 tiles. With 64 rows: 0.81 of peak, not 0.91
  /// (Zen 3, 128 rows, 768 inputs, 3072 outputs, busy machine).
  private static final int ROWS = 128;

  /// Steps of a block of the depth. 384: 0.84 of peak, not 0.91 (128 rows, same machine), as
  /// partial sums travel twice as often.
  private static final int DEPTH = 768;

  /// Multiply-adds of a chunk, about 0.1 ms: well above what a claim costs, and little to wait for
  /// at the end.
  private static final long CHUNK = 3L << 20;

  /// Panels of a chunk where the depth is more than one block: each block of packed rows that comes
  /// to the second-level cache should serve several panels. With one panel, 128 rows of 3072 would
  /// be read from the third level at 18 GB/s (computed; the gain is not yet measured).
  private static final int DEEP_CHUNK_PANELS = 8;

  /// A chunk of fewer rows takes as long as with this many, since its panels come from memory.
  private static final int ROWS_WORTH_A_PANEL = 16;

  /// With this many chunks a thread, threads end close together.
  private static final int CHUNKS_PER_THREAD = 6;

  /// Packed rows at a time: what the third-level cache can be trusted to keep.
  private static final long PACKED_BYTES = 8L << 20;

  private final PanelMultiplication multiplication;
  private final Activations activations;
  private final WorkerPool workers;
  private final Scratch[] scratch;
  private final Scratch packed = new Scratch();

  BlockedProduct(
      PanelMultiplication multiplication,
      Activations activations,
      WorkerPool workers,
      Scratch[] scratch) {
    this.multiplication = multiplication;
    this.activations = activations;
    this.workers = workers;
    this.scratch = scratch;
  }

  void run(Tensor x, PanelWeights weights, @Nullable Tensor bias, Activation act, Tensor y) {
    if (x.rows() == 0 || weights.outputs() == 0) {
      return;
    }
    int blocks = (x.rows() + ROWS - 1) / ROWS;
    int blockRows = (x.rows() + blocks - 1) / blocks;
    long blockBytes = multiplication.tiling(blockRows).packedBytes(weights.inputs());
    int blocksAtATime = (int) Math.max(1, Math.min(blocks, PACKED_BYTES / blockBytes));
    int stripRows = blocksAtATime * blockRows;
    long target = packed.reserve(blocksAtATime * blockBytes).address();
    for (int row = 0; row < x.rows(); row += stripRows) {
      int rows = Math.min(stripRows, x.rows() - row);
      new Strip(
              x.rows(row, rows),
              blockRows,
              blockBytes,
              target,
              weights,
              bias,
              act,
              y.rows(row, rows))
          .run();
    }
  }

  /// The rows that are packed at a time.
  private final class Strip {
    private final Tensor x;
    private final Tensor y;
    private final int blockRows;
    private final int blocks;
    private final long blockBytes;
    private final long packed;
    private final PanelWeights weights;
    private final long panels;
    private final long bias;
    private final Activation act;
    private final int depth;
    private final int chunkPanels;

    Strip(
        Tensor x,
        int blockRows,
        long blockBytes,
        long packed,
        PanelWeights weights,
        @Nullable Tensor bias,
        Activation act,
        Tensor y) {
      this.x = x;
      this.y = y;
      this.blockRows = blockRows;
      this.blocks = (x.rows() + blockRows - 1) / blockRows;
      this.blockBytes = blockBytes;
      this.packed = packed;
      this.weights = weights;
      this.panels = addressOf(weights.data());
      this.bias = bias == null ? 0 : addressOf(bias.data());
      this.act = act;
      this.depth = weights.inputs();
      this.chunkPanels = chunkPanels();
    }

    private int chunkPanels() {
      long panelWork =
          (long) Math.max(Math.min(blockRows, x.rows()), ROWS_WORTH_A_PANEL)
              * depth
              * multiplication.panelColumns();
      int chunks = CHUNKS_PER_THREAD * workers.threads();
      long shared = (long) blocks * multiplication.panels(weights.outputs()) / chunks;
      long wanted = Math.max(CHUNK / panelWork, depth > DEPTH ? DEEP_CHUNK_PANELS : 1);
      return (int) Math.max(1, Math.min(wanted, shared));
    }

    void run() {
      int tilesPerBlock = tiling(0).tiles();
      int tiles = (blocks - 1) * tilesPerBlock + tiling(blocks - 1).tiles();
      workers.run(tiles, (tile, _) -> pack(tile / tilesPerBlock, tile % tilesPerBlock));
      int groupsPerBlock = groupsBefore(weights.parts());
      workers.run(
          Math.multiplyExact(blocks, groupsPerBlock),
          (chunk, worker) ->
              multiply(chunk / groupsPerBlock, chunk % groupsPerBlock, scratch[worker]));
    }

    private RowTiling tiling(int block) {
      return multiplication.tiling(Math.min(blockRows, x.rows() - block * blockRows));
    }

    private int groups(int part) {
      return (multiplication.panels(weights.partOutputs(part)) + chunkPanels - 1) / chunkPanels;
    }

    private int groupsBefore(int part) {
      int groups = 0;
      for (int earlier = 0; earlier < part; earlier++) {
        groups += groups(earlier);
      }
      return groups;
    }

    /// The part that a group of a block belongs to, or their number if there is no such group.
    private int partOf(int groupOfBlock) {
      int part = 0;
      while (part < weights.parts() && groupOfBlock >= groupsBefore(part + 1)) {
        part++;
      }
      return part;
    }

    /// A group's first panel, counted in its part.
    private int firstPanel(int groupOfBlock, int part) {
      return (groupOfBlock - groupsBefore(part)) * chunkPanels;
    }

    /// A packed block is its blocks of the depth one after the other, each of all tiles: so what is
    /// read together lies together.
    private void pack(int block, int index) {
      RowTiling tiling = tiling(block);
      long from = addressOf(x.data()) + row(x, block * blockRows);
      for (int step = 0; step < depth; step += DEPTH) {
        int steps = Math.min(DEPTH, depth - step);
        long to =
            packed
                + block * blockBytes
                + tiling.packedBytes(step)
                + (long) tiling.floatsBefore(index) * steps * Float.BYTES;
        multiplication.packTile(
            from + (long) step * Float.BYTES, row(x, 1), tiling, index, steps, to);
      }
    }

    private void multiply(int block, int groupOfBlock, Scratch own) {
      int part = partOf(groupOfBlock);
      int partColumn = 0;
      for (int earlier = 0; earlier < part; earlier++) {
        partColumn += weights.partOutputs(earlier);
      }
      RowTiling tiling = tiling(block);
      int panelColumns = multiplication.panelColumns();
      int first = firstPanel(groupOfBlock, part);
      int end = Math.min(first + chunkPanels, multiplication.panels(weights.partOutputs(part)));
      int endColumn = Math.min(end * panelColumns, weights.partOutputs(part));
      int rest = endColumn % panelColumns;
      int whole = rest == 0 ? end : end - 1;

      // The last panel may have fewer columns than a tile writes: it goes through a tail of its
      // own.
      // After it lie its bias and the activation's room for a row.
      long panelStride = (long) panelColumns * Float.BYTES;
      long tailBytes = rest == 0 ? 0 : (tiling.rows() + 1) * panelStride;
      long tail = own.reserve(tailBytes + (end - first) * panelStride).address();
      long tailBias = tail + tiling.rows() * panelStride;
      long room = tail + tailBytes;
      if (rest != 0 && bias != 0) {
        long from = bias + (long) (partColumn + whole * panelColumns) * Float.BYTES;
        PanelMultiplication.zero(tailBias, panelStride);
        PanelMultiplication.copy(from, 0, 1, rest, tailBias, 0);
      }

      long firstRow = row(y, block * blockRows);
      int seen = 0;
      for (int step = 0; step < depth; step += DEPTH) {
        int steps = Math.min(DEPTH, depth - step);
        long a = packed + block * blockBytes + tiling.packedBytes(step);
        for (int panel = first; panel < end; panel++) {
          long column = (long) (partColumn + panel * panelColumns) * Float.BYTES;
          long b = panelAt(part, panel) + multiplication.panelBytes(step);
          long to = panel < whole ? addressOf(y.data()) + firstRow + column : tail;
          long stride = panel < whole ? row(y, 1) : panelStride;
          long next = b + multiplication.panelBytes(depth);
          if (panel + 1 == end) {
            next = afterGroup(groupOfBlock, panelAt(part, first), step + steps);
          }
          long start = panel < whole ? bias + column : tailBias;
          if (step > 0) {
            start = to;
          } else if (bias == 0) {
            start = multiplication.zeros();
          }
          long startStride = step > 0 ? stride : 0;
          seen ^=
              multiplication.multiply(tiling, a, b, steps, start, startStride, to, stride, next);
        }
      }
      own.seen = seen;
      long firstColumn = (long) (partColumn + first * panelColumns) * Float.BYTES;
      int wholeColumns = (whole - first) * panelColumns;
      long from = addressOf(y.data()) + firstRow + firstColumn;
      activations.apply(act, from, row(y, 1), tiling.rows(), wholeColumns, room);
      if (rest != 0) {
        activations.apply(act, tail, panelStride, tiling.rows(), panelColumns, room);
        long to = from + (long) wholeColumns * Float.BYTES;
        PanelMultiplication.copy(tail, panelStride, tiling.rows(), rest, to, row(y, 1));
      }
    }

    /// What is likely to come when a group's panels are done up to `step`: its first panel, at
    /// `start`, for the rest of the depth, or, as threads take groups in turns, the first of
    /// another group; 0 if nothing of a chain's length does.
    private long afterGroup(int groupOfBlock, long start, int step) {
      if (step < depth) {
        boolean chain = depth - step >= PanelMultiplication.CHAIN;
        return chain ? start + multiplication.panelBytes(step) : 0;
      }
      int group = groupOfBlock + workers.threads();
      int part = partOf(group);
      return part == weights.parts() ? 0 : panelAt(part, firstPanel(group, part));
    }

    private long panelAt(int part, int panel) {
      return panels + weights.partOffset(part) + panel * multiplication.panelBytes(depth);
    }

    /// The byte at which row `n` begins.
    private static long row(Tensor tensor, int n) {
      return (long) n * tensor.stride() * Float.BYTES;
    }
  }
}
