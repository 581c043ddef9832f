package dev.coffey.model;

import dev.coffey.kernels.Pooling;
import java.util.Arrays;
import java.util.List;

/// Which rows of a batch are wanted of the last layer, and where they then lie. A pure function of
/// the texts' readouts.
final class RowPlan {
  private final int[] offsets;
  private final int[] selectedOffsets;
  private final int[] selectedRows;

  private RowPlan(int[] offsets, int[] selectedOffsets, int[] selectedRows) {
    this.offsets = offsets;
    this.selectedOffsets = selectedOffsets;
    this.selectedRows = selectedRows;
  }

  /// Plans for `texts`; `headPerToken`: whether the model's head reads every token of a text or its
  /// first only.
  static RowPlan of(List<TextInput> texts, boolean headPerToken) {
    int[] offsets = new int[texts.size() + 1];
    for (int t = 0; t < texts.size(); t++) {
      offsets[t + 1] = Math.addExact(offsets[t], texts.get(t).tokens());
    }
    int[] selectedOffsets = new int[texts.size() + 1];
    int[] selectedRows = new int[offsets[texts.size()]];
    boolean[] wanted = new boolean[0];
    int selected = 0;
    for (int t = 0; t < texts.size(); t++) {
      TextInput text = texts.get(t);
      int tokens = text.tokens();
      if (wanted.length < tokens) {
        wanted = new boolean[tokens];
      }
      Arrays.fill(wanted, 0, tokens, false);
      for (Readout readout : text.readouts()) {
        mark(readout, headPerToken, wanted, tokens);
      }
      int before = selected;
      for (int row = 0; row < tokens; row++) {
        if (wanted[row]) {
          selectedRows[selected++] = offsets[t] + row;
        }
      }
      if (selected == before) {
        throw new IllegalArgumentException("text " + t + " of the batch has no readout");
      }
      selectedOffsets[t + 1] = selected;
    }
    return new RowPlan(offsets, selectedOffsets, Arrays.copyOf(selectedRows, selected));
  }

  private static void mark(Readout readout, boolean headPerToken, boolean[] wanted, int tokens) {
    switch (readout) {
      case Readout.Head() -> {
        if (headPerToken) {
          Arrays.fill(wanted, 0, tokens, true);
        } else {
          wanted[0] = true;
        }
      }
      case Readout.HeadAt(List<Integer> rows) -> {
        for (int row : rows) {
          if (row < 0 || row >= tokens) {
            throw new IllegalArgumentException(
                "readout of row " + row + " in a text of " + tokens + " tokens");
          }
          wanted[row] = true;
        }
      }
      case Readout.SentencePair(), Readout.Pooler() -> wanted[0] = true;
      case Readout.Hidden() -> Arrays.fill(wanted, 0, tokens, true);
      case Readout.Pooled(List<Pooling> poolings, boolean _, boolean _) -> {
        for (Pooling pooling : poolings) {
          switch (pooling) {
            case CLS -> wanted[0] = true;
            case LAST_TOKEN -> wanted[tokens - 1] = true;
            case MEAN, MAX, MEAN_SQRT_LEN, WEIGHTED_MEAN -> Arrays.fill(wanted, 0, tokens, true);
          }
        }
      }
    }
  }

  /// Tokens of all texts.
  int tokens() {
    return offsets[offsets.length - 1];
  }

  /// Tokens of a text.
  int length(int text) {
    return offsets[text + 1] - offsets[text];
  }

  /// B+1 starts of the texts.
  int[] offsets() {
    return offsets;
  }

  /// The wanted rows of the batch, rising.
  int[] selectedRows() {
    return selectedRows;
  }

  /// B+1 starts of each text's wanted rows among all wanted rows.
  int[] selectedOffsets() {
    return selectedOffsets;
  }

  /// Where row `row` of text `text` lies among the wanted rows; it must be one of them.
  int selectedIndex(int text, int row) {
    return Arrays.binarySearch(
        selectedRows, selectedOffsets[text], selectedOffsets[text + 1], offsets[text] + row);
  }
}
