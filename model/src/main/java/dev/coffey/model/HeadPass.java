package dev.coffey.model;

import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.encoder.RecordedPass;
import java.util.List;

/// A head together with the memory that it works in, for some rows at a time.
final class HeadPass {
  /// Rows that are computed at a time: bounds the logits' memory to 256 vocabularies for a masked
  /// LM.
  static final int ROWS = 256;

  /// Activations, which heads that run one after the other share.
  ///
  /// @param input (ROWS, H) the rows that a head reads
  /// @param inner (ROWS, I) what its layers hand on
  /// @param logits (ROWS, O) what it gives
  record Activations(Tensor input, Tensor inner, Tensor logits) {
    /// Takes the memory that any of `heads` needs.
    static Activations of(Heads heads, int hidden, TensorArena arena) {
      return new Activations(
          arena.tensor(ROWS, hidden),
          arena.tensor(ROWS, heads.mostScratchColumns()),
          arena.tensor(ROWS, heads.mostOutputs()));
    }
  }

  private record Key(HeadPass head, int rows, long hidden) {}

  private final TaskHead head;
  private final Kernels kernels;
  private final Recorder recorder;
  private final Activations activations;
  private final Indices rows;
  private final Indices count;
  private final int[] block = new int[ROWS];

  HeadPass(
      TaskHead head,
      Kernels kernels,
      Recorder recorder,
      Activations activations,
      TensorArena arena) {
    this.head = head;
    this.kernels = kernels;
    this.recorder = recorder;
    this.activations = activations;
    count = arena.indices(1);
    rows = arena.indices(ROWS);
  }

  /// Numbers a row.
  int outputs() {
    return head.outputs();
  }

  /// How many of `total` rows the block has that begins with row `from`.
  static int blockRows(int from, int total) {
    return Math.min(ROWS, total - from);
  }

  /// Says which rows of the hidden states to read next: those of a block of `wanted`.
  void upload(int[] wanted, int from) {
    int length = blockRows(from, wanted.length);
    System.arraycopy(wanted, from, block, 0, length);
    if (recorder.records()) {
      kernels.upload(new int[] {length}, 1, count);
    }
    kernels.upload(block, length, rows);
  }

  /// Runs over the `length` rows that were said last. Gives (length, O), which the next head
  /// overwrites.
  Tensor run(Tensor hidden, int length) {
    if (!recorder.records()) {
      return compute(hidden, length);
    }
    int most = RecordedPass.bucket(length);
    Tensor logits = recorder.run(key(hidden, most), bounds(most), () -> compute(hidden, most));
    return logits.rows(0, length);
  }

  /// Records all sizes.
  void prepare(Tensor hidden) {
    for (int most = RecordedPass.bucket(1); most <= ROWS; most = RecordedPass.bucket(most + 1)) {
      int length = most;
      var _ = recorder.prepare(key(hidden, most), bounds(most), () -> compute(hidden, length));
    }
  }

  private Key key(Tensor hidden, int most) {
    return new Key(this, most, hidden.data().address());
  }

  private List<Recorder.Bound> bounds(int most) {
    return List.of(new Recorder.Bound(most, count));
  }

  private Tensor compute(Tensor hidden, int length) {
    Tensor x = activations.input().rows(0, length);
    kernels.gather(hidden, rows.first(length), x);
    return Dense.run(
        kernels,
        head.layers(),
        x,
        activations.inner().rows(0, length),
        activations.logits().rows(0, length).columns(0, head.outputs()));
  }
}
