package dev.coffey.model.encoder;

import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.TensorArena;

/// The texts of one batch on the device, one after the other without padding, and which of their
/// rows are wanted. Filled again for each batch; used by the device's owner thread only.
public final class RaggedBatch {
  private final Kernels kernels;
  private final int maxTokens;
  private final int maxTexts;
  private final Indices ids;
  private final Indices types;
  private final Indices positions;
  private final Indices offsets;
  private final Indices selectedRows;
  private final Indices selectedOffsets;
  private final Indices tokenCount;
  private final Indices textCount;
  private final Indices selectedCount;
  private int tokens;
  private int texts;
  private int selected;

  /// Takes memory for batches of up to `maxTokens` tokens in up to `maxTexts` texts.
  public RaggedBatch(Kernels kernels, TensorArena arena, int maxTokens, int maxTexts) {
    this.kernels = kernels;
    this.maxTokens = maxTokens;
    this.maxTexts = maxTexts;
    int rows = RecordedPass.mostRows(maxTokens);
    int bounds = maxTexts + 1;
    tokenCount = arena.indices(1);
    textCount = arena.indices(1);
    selectedCount = arena.indices(1);
    offsets = arena.indices(bounds);
    selectedOffsets = arena.indices(bounds);
    selectedRows = arena.indices(rows);
    ids = arena.indices(rows);
    positions = arena.indices(rows);
    types = arena.indices(rows);
  }

  /// The same memory, as if it held a batch of another size.
  private RaggedBatch(RaggedBatch whole, int tokens, int texts, int selected) {
    kernels = whole.kernels;
    maxTokens = whole.maxTokens;
    maxTexts = whole.maxTexts;
    ids = whole.ids;
    types = whole.types;
    positions = whole.positions;
    offsets = whole.offsets;
    selectedRows = whole.selectedRows;
    selectedOffsets = whole.selectedOffsets;
    tokenCount = whole.tokenCount;
    textCount = whole.textCount;
    selectedCount = whole.selectedCount;
    this.tokens = tokens;
    this.texts = texts;
    this.selected = selected;
  }

  /// A view of this batch's memory with other row counts, for operations that read the true ones
  /// from the device.
  RaggedBatch ofSize(int tokens, int texts, int selected) {
    return new RaggedBatch(this, tokens, texts, selected);
  }

  /// Takes a batch. `offsets`: where each text starts, and after the last one the number of tokens.
  /// `selectedRows`: the wanted rows in rising order; `selectedOffsets`: where each text's wanted
  /// rows start in it, each text with at least one.
  public void fill(
      int[] ids,
      int[] types,
      int[] positions,
      int[] offsets,
      int[] selectedRows,
      int[] selectedOffsets,
      int texts) {
    int tokens = offsets[texts];
    if (tokens > maxTokens || texts > maxTexts) {
      throw new IllegalArgumentException(
          "batch of %d tokens in %d texts; there is memory for %d in %d"
              .formatted(tokens, texts, maxTokens, maxTexts));
    }
    this.tokens = tokens;
    this.texts = texts;
    this.selected = selectedOffsets[texts];
    upload(tokens, tokenCount);
    upload(texts, textCount);
    upload(selected, selectedCount);
    kernels.upload(ids, tokens, this.ids);
    kernels.upload(types, tokens, this.types);
    kernels.upload(positions, tokens, this.positions);
    kernels.upload(offsets, texts + 1, this.offsets);
    kernels.upload(selectedRows, selected, this.selectedRows);
    kernels.upload(selectedOffsets, texts + 1, this.selectedOffsets);
  }

  private void upload(int number, Indices target) {
    kernels.upload(new int[] {number}, 1, target);
  }

  /// [#tokens] on the device.
  Indices tokenCount() {
    return tokenCount;
  }

  /// [#texts] on the device.
  public Indices textCount() {
    return textCount;
  }

  /// [#selected] on the device.
  Indices selectedCount() {
    return selectedCount;
  }

  /// T: tokens of all texts.
  public int tokens() {
    return tokens;
  }

  /// B: how many texts.
  public int texts() {
    return texts;
  }

  /// How many rows are wanted of the last layer.
  public int selected() {
    return selected;
  }

  /// Whether every row is wanted.
  public boolean allSelected() {
    return selected == tokens;
  }

  /// T token ids.
  public Indices ids() {
    return ids.first(tokens);
  }

  /// T segments.
  public Indices types() {
    return types.first(tokens);
  }

  /// T positions, each counted within its text.
  public Indices positions() {
    return positions.first(tokens);
  }

  /// B+1 offsets of the texts.
  public Indices offsets() {
    return offsets.first(texts + 1);
  }

  /// The wanted rows.
  public Indices selectedRows() {
    return selectedRows.first(selected);
  }

  /// B+1 offsets of the texts' wanted rows.
  public Indices selectedOffsets() {
    return selectedOffsets(texts);
  }

  /// The same as if there were `count` texts, for operations that read the true number from the
  /// device.
  public Indices selectedOffsets(int count) {
    return selectedOffsets.first(count + 1);
  }
}
