package dev.coffey.model;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.encoder.RaggedBatch;
import dev.coffey.model.encoder.RecordedPass;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Makes one vector of each text of a batch.
final class PoolingPass {
  /// What passes that run one after the other share.
  ///
  /// @param pooled (B, all poolings' columns)
  /// @param inner (B, I) what the Dense layers hand on
  /// @param densed (B, O) what they give
  record Activations(Tensor pooled, Tensor inner, Tensor densed) {
    static Activations of(List<Dense> dense, int hidden, TensorArena arena, int maxTexts) {
      return new Activations(
          arena.tensor(maxTexts, Pooling.values().length * hidden),
          arena.tensor(maxTexts, Dense.scratchColumns(dense)),
          arena.tensor(maxTexts, dense.isEmpty() ? 0 : dense.getLast().outputs()));
    }
  }

  private record Key(Readout.Pooled readout, int texts, long hidden) {}

  private final Kernels kernels;
  private final Recorder recorder;
  private final RaggedBatch batch;
  private final List<Dense> dense;
  private final Set<Readout.Pooled> usual = new LinkedHashSet<>();
  private final int maxTexts;
  private final Activations activations;

  /// @param batch whose texts are pooled
  /// @param dense the layers that a readout may go through
  /// @param own what the model's folder asks for, if it does: that and every pooling by itself are
  ///   recorded, and others run without a record
  PoolingPass(
      Kernels kernels,
      Recorder recorder,
      RaggedBatch batch,
      List<Dense> dense,
      List<Readout.Pooled> own,
      Activations activations,
      int maxTexts) {
    this.kernels = kernels;
    this.recorder = recorder;
    this.batch = batch;
    this.dense = dense;
    this.activations = activations;
    this.maxTexts = maxTexts;
    for (Pooling pooling : Pooling.values()) {
      addUsual(new Readout.Pooled(List.of(pooling), false));
    }
    own.forEach(this::addUsual);
  }

  private void addUsual(Readout.Pooled readout) {
    usual.add(readout.scaled(false));
    usual.add(readout.scaled(true));
  }

  /// Gives (texts, columns), which the next call overwrites.
  Tensor run(Readout.Pooled readout, Tensor hidden) {
    int texts = batch.texts();
    if (!recorder.records() || !usual.contains(readout)) {
      return compute(readout, hidden, texts);
    }
    int most = most(texts);
    Tensor vectors =
        recorder.run(
            new Key(readout, most, hidden.data().address()),
            bounds(most),
            () -> compute(readout, hidden, most));
    return vectors.rows(0, texts);
  }

  /// Records all usual readouts in all sizes.
  void prepare(Tensor hidden) {
    for (Readout.Pooled readout : usual) {
      for (int texts = 1; texts <= maxTexts; texts = most(texts) + 1) {
        int most = most(texts);
        var _ =
            recorder.prepare(
                new Key(readout, most, hidden.data().address()),
                bounds(most),
                () -> compute(readout, hidden, most));
      }
    }
  }

  private int most(int texts) {
    return Math.min(maxTexts, RecordedPass.bucket(texts));
  }

  private List<Recorder.Bound> bounds(int most) {
    return List.of(new Recorder.Bound(most, batch.textCount()));
  }

  private Tensor compute(Readout.Pooled readout, Tensor hidden, int texts) {
    int width = hidden.columns();
    int count = readout.poolings().size();
    Tensor vectors = activations.pooled().rows(0, texts).columns(0, count * width);
    for (int p = 0; p < count; p++) {
      kernels.pool(
          hidden,
          batch.selectedOffsets(texts),
          readout.poolings().get(p),
          vectors.columns(p * width, width));
    }
    if (readout.dense()) {
      vectors =
          Dense.run(
              kernels,
              dense,
              vectors,
              activations.inner().rows(0, texts),
              activations.densed().rows(0, texts));
    }
    if (readout.normalize()) {
      kernels.l2Normalize(vectors, vectors);
    }
    return vectors;
  }

  /// Refuses what the model's Dense layers can't be given.
  void check(Readout.Pooled readout, int hidden) {
    if (!readout.dense()) {
      return;
    }
    if (dense.isEmpty()) {
      throw new IllegalArgumentException("the model's folder has no Dense layers");
    }
    int inputs = dense.getFirst().weights().inputs();
    int columns = readout.poolings().size() * hidden;
    if (columns != inputs) {
      throw new IllegalArgumentException(
          "the folder's Dense layer reads vectors of %d numbers; these poolings give %d"
              .formatted(inputs, columns));
    }
  }
}
