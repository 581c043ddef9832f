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
  private int tokens;
  private int texts;
  private int selected;

  /// Takes memory for batches of up to `maxTokens` tokens in up to `maxTexts` texts.
  public RaggedBatch(Kernels kernels, TensorArena arena, int maxTokens, int maxTexts) {
    this.kernels = kernels;
    this.maxTokens = maxTokens;
    this.maxTexts = maxTexts;
    ids = arena.indices(maxTokens);
    types = arena.indices(maxTokens);
    positions = arena.indices(maxTokens);
    offsets = arena.indices(maxTexts + 1);
    selectedRows = arena.indices(maxTokens);
    selectedOffsets = arena.indices(maxTexts + 1);
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
    kernels.upload(ids, tokens, this.ids);
    kernels.upload(types, tokens, this.types);
    kernels.upload(positions, tokens, this.positions);
    kernels.upload(offsets, texts + 1, this.offsets);
    kernels.upload(selectedRows, selected, this.selectedRows);
    kernels.upload(selectedOffsets, texts + 1, this.selectedOffsets);
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
    return selectedOffsets.first(texts + 1);
  }
}
