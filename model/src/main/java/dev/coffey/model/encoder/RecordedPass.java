package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/// A forward pass that a device which records runs from records, one for each of a few batch sizes:
/// a batch takes the next larger one. On other devices it is the pass itself.
///
/// What a record's surplus rows hold is undefined, and nothing reads them.
public final class RecordedPass implements ForwardPass, AutoCloseable {
  private static final int LEAST_TOKENS = 16;

  /// How many rows a record has beyond its tokens, so that no two of its row counts are equal.
  private static final int SPARE_ROWS = 2;

  private final ForwardPass pass;
  private final Recorder recorder;
  private final int maxTexts;

  private RecordedPass(ForwardPass pass, Recorder recorder, int maxTexts) {
    this.pass = pass;
    this.recorder = recorder;
    this.maxTexts = maxTexts;
  }

  /// The row counts that a record's operations are called with: `selected` is one of the others, or
  /// between them.
  private record Size(int tokens, int texts, int selected) {}

  /// Takes the memory that batches of up to `maxTokens` tokens in up to `maxTexts` texts need.
  /// Closed before `arena` is.
  public static RecordedPass plan(
      Encoder encoder, Kernels kernels, TensorArena arena, int maxTokens, int maxTexts) {
    Recorder recorder = kernels.recorder();
    int rows = recorder.records() ? mostRows(maxTokens) : maxTokens;
    return new RecordedPass(encoder.plan(arena, rows), recorder, maxTexts);
  }

  /// The same pass in the same memory, with records of its own: for batches whose indices lie
  /// elsewhere.
  public RecordedPass another(Kernels kernels) {
    return new RecordedPass(pass, kernels.recorder(), maxTexts);
  }

  /// The most rows that a tensor of a record has, where batches have up to `tokens` tokens.
  static int mostRows(int tokens) {
    return bucket(tokens) + SPARE_ROWS;
  }

  /// The next size up that a record is made for: powers of two, and in the middle between two of
  /// them.
  public static int bucket(int tokens) {
    int power = Math.max(LEAST_TOKENS, Integer.highestOneBit(Math.max(1, tokens - 1)) * 2);
    int middle = power / 4 * 3;
    return middle >= tokens && middle > LEAST_TOKENS ? middle : power;
  }

  /// Records the pass for all sizes up to that of `maxTokens`, so that running it takes no memory
  /// and no time for that.
  ///
  /// @return for each place where a run may leave its rows a tensor that begins there
  public List<Tensor> prepare(RaggedBatch batch, int maxTokens) {
    if (!recorder.records()) {
      return List.of();
    }
    Map<Long, Tensor> places = new LinkedHashMap<>();
    int last = bucket(maxTokens);
    for (int tokens = LEAST_TOKENS; tokens <= last; tokens = bucket(tokens + 1)) {
      for (Selection selection : Selection.values()) {
        Size size = size(tokens, selection);
        recorder
            .prepare(size, bounds(batch, size), work(batch, size))
            .ifPresent(rows -> places.put(rows.data().address(), rows));
      }
    }
    return List.copyOf(places.values());
  }

  @Override
  public Tensor run(RaggedBatch batch, LayerListener listener) {
    if (!recorder.records() || !listener.equals(LayerListener.NONE)) {
      return pass.run(batch, listener);
    }
    Size size = size(bucket(batch.tokens()), Selection.of(batch));
    Tensor rows = recorder.run(size, bounds(batch, size), work(batch, size));
    return rows.rows(0, batch.selected());
  }

  /// Which rows a batch wants of the last layer.
  private enum Selection {
    ALL,
    ONE_A_TEXT,
    SOME;

    static Selection of(RaggedBatch batch) {
      if (batch.allSelected()) {
        return ALL;
      }
      return batch.selected() == batch.texts() ? ONE_A_TEXT : SOME;
    }
  }

  /// Row counts that differ where what they stand for does: a record tells them apart by that.
  private Size size(int tokens, Selection selection) {
    int rows = tokens + SPARE_ROWS;
    // Every text has a token, so there are no more texts than tokens.
    int texts = Math.min(tokens, maxTexts);
    return new Size(
        rows,
        texts,
        switch (selection) {
          case ALL -> rows;
          case ONE_A_TEXT -> texts;
          case SOME -> tokens + 1;
        });
  }

  private static List<Recorder.Bound> bounds(RaggedBatch batch, Size size) {
    Recorder.Bound tokens = new Recorder.Bound(size.tokens(), batch.tokenCount());
    Recorder.Bound texts = new Recorder.Bound(size.texts(), batch.textCount());
    return size.selected() == size.tokens() || size.selected() == size.texts()
        ? List.of(tokens, texts)
        : List.of(tokens, texts, new Recorder.Bound(size.selected(), batch.selectedCount()));
  }

  private Supplier<Tensor> work(RaggedBatch batch, Size size) {
    return () ->
        pass.run(batch.ofSize(size.tokens(), size.texts(), size.selected()), LayerListener.NONE);
  }

  /// Forgets the records.
  @Override
  public void close() {
    recorder.close();
  }
}
