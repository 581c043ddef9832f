package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// The works of a request's items as one list of texts for the device, each different text once,
/// and the way back from its numbers to the items' results.
final class WorkSheet<R> implements Inference.Prepared {
  /// What became of an item.
  sealed interface Outcome<R> {
    /// It has a result.
    ///
    /// @param read tokens of all its texts
    /// @param cut tokens that truncation left out
    record Done<R>(R value, int read, int cut) implements Outcome<R> {}

    record Failed<R>(InvalidArgument fault) implements Outcome<R> {}
  }

  /// A text by its content, which is all that its numbers depend on.
  @SuppressWarnings("ArrayRecordComponent") // equals and hashCode look into them
  private record Content(int[] ids, int[] types, int[] positions, List<Readout> readouts) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Content(int[] otherIds, int[] otherTypes, int[] places, var others)
          && Arrays.equals(ids, otherIds)
          && Arrays.equals(types, otherTypes)
          && Arrays.equals(positions, places)
          && readouts.equals(others);
    }

    @Override
    public int hashCode() {
      return 31 * Arrays.hashCode(ids) + readouts.hashCode();
    }
  }

  private final List<Work<R>> works;
  private final List<TextInput> texts = new ArrayList<>();

  /// For each text of each ready work, in order, its place in `texts`.
  private final List<Integer> places = new ArrayList<>();

  WorkSheet(List<Work<R>> works) {
    this.works = works;
    Map<Content, Integer> known = new HashMap<>();
    for (Work<R> work : works) {
      if (work instanceof Work.Ready<R>(List<TextInput> inputs, int _, var _)) {
        for (TextInput input : inputs) {
          Content content =
              new Content(input.ids(), input.types(), input.positions(), input.readouts());
          places.add(
              known.computeIfAbsent(
                  content,
                  _ -> {
                    texts.add(input);
                    return texts.size() - 1;
                  }));
        }
      }
    }
  }

  @Override
  public List<TextInput> texts() {
    return texts;
  }

  /// One for each work, in their order.
  ///
  /// @param outputs for each of [#texts]
  List<Outcome<R>> outcomes(List<List<Matrix>> outputs) {
    List<Outcome<R>> outcomes = new ArrayList<>(works.size());
    int at = 0;
    for (Work<R> work : works) {
      switch (work) {
        case Work.Ready<R> ready -> {
          List<List<Matrix>> own = new ArrayList<>(ready.texts().size());
          int read = 0;
          for (TextInput text : ready.texts()) {
            own.add(outputs.get(places.get(at++)));
            read += text.tokens();
          }
          outcomes.add(outcome(ready, own, read));
        }
        case Work.Faulty<R>(InvalidArgument fault) -> outcomes.add(new Outcome.Failed<>(fault));
      }
    }
    return outcomes;
  }

  private static <R> Outcome<R> outcome(Work.Ready<R> work, List<List<Matrix>> outputs, int read) {
    try {
      return new Outcome.Done<>(work.finish().apply(outputs), read, work.cut());
    } catch (InvalidArgument fault) {
      return new Outcome.Failed<>(fault);
    }
  }
}
