package dev.coffey.model;

import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// The heads of one checkpoint, each for a readout of its own.
///
/// @param main for [Readout.Head] and [Readout.HeadAt]; null for a bare encoder
/// @param sentencePair for [Readout.SentencePair]; null but for pretraining
/// @param pooler for [Readout.Pooler]; null where the model has none or does not read it
record Heads(@Nullable TaskHead main, @Nullable TaskHead sentencePair, @Nullable TaskHead pooler) {
  /// Those that are there.
  List<TaskHead> all() {
    return Stream.of(main, sentencePair, pooler).filter(Objects::nonNull).toList();
  }

  int mostOutputs() {
    return all().stream().mapToInt(TaskHead::outputs).max().orElse(0);
  }

  int mostScratchColumns() {
    return all().stream().mapToInt(head -> Dense.scratchColumns(head.layers())).max().orElse(0);
  }
}
