package dev.coffey.model;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// What the readouts of a batch's texts need of the hidden states, gathered by what computes it,
/// and the places of their results. A pure function of the texts.
///
/// @param hidden for [Readout.Hidden]
/// @param pooled for each kind of [Readout.Pooled]
@SuppressWarnings("ArrayRecordComponent") // never compared
record ReadoutPlan(
    Matrix[][] results,
    HeadRequests main,
    HeadRequests sentencePair,
    HeadRequests pooler,
    List<Slot> hidden,
    Map<Readout.Pooled, List<Slot>> pooled) {

  /// Plans for `texts`, whose rows lie as `rows` says.
  static ReadoutPlan of(List<TextInput> texts, RowPlan rows, boolean headPerToken) {
    ReadoutPlan plan =
        new ReadoutPlan(
            new Matrix[texts.size()][],
            new HeadRequests(),
            new HeadRequests(),
            new HeadRequests(),
            new ArrayList<>(),
            new LinkedHashMap<>());
    for (int t = 0; t < texts.size(); t++) {
      List<Readout> readouts = texts.get(t).readouts();
      int length = texts.get(t).tokens();
      plan.results[t] = new Matrix[readouts.size()];
      for (int r = 0; r < readouts.size(); r++) {
        Slot slot = new Slot(plan.results[t], r, t);
        switch (readouts.get(r)) {
          case Readout.Head() -> plan.main.add(slot, first(rows, t, headPerToken ? length : 1));
          case Readout.HeadAt(List<Integer> wanted) -> plan.main.add(slot, at(rows, t, wanted));
          case Readout.SentencePair() -> plan.sentencePair.add(slot, first(rows, t, 1));
          case Readout.Pooler() -> plan.pooler.add(slot, first(rows, t, 1));
          case Readout.Hidden() -> plan.hidden.add(slot);
          case Readout.Pooled pooling ->
              plan.pooled.computeIfAbsent(pooling, _ -> new ArrayList<>()).add(slot);
        }
      }
    }
    return plan;
  }

  private static int[] first(RowPlan plan, int text, int count) {
    int[] rows = new int[count];
    int first = plan.selectedIndex(text, 0);
    for (int i = 0; i < count; i++) {
      rows[i] = first + i;
    }
    return rows;
  }

  private static int[] at(RowPlan plan, int text, List<Integer> wanted) {
    int[] rows = new int[wanted.size()];
    for (int i = 0; i < rows.length; i++) {
      rows[i] = plan.selectedIndex(text, wanted.get(i));
    }
    return rows;
  }

  /// For each text a matrix for each of its readouts, once all slots were set.
  List<List<Matrix>> lists() {
    List<List<Matrix>> lists = new ArrayList<>(results.length);
    for (Matrix[] matrices : results) {
      lists.add(List.of(matrices));
    }
    return lists;
  }
}
