package dev.coffey.server.grpc;

import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.model.task.PreparedTask;
import dev.coffey.model.task.UniqueInputs;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.ArrayList;
import java.util.List;

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

  private final List<Work<R>> works;
  private final UniqueInputs inputs;

  WorkSheet(List<Work<R>> works) {
    this.works = works;
    List<PreparedTask<R>> tasks = new ArrayList<>(works.size());
    for (Work<R> work : works) {
      if (work instanceof Work.Ready<R>(PreparedTask<R> task)) {
        tasks.add(task);
      }
    }
    inputs = UniqueInputs.of(tasks);
  }

  @Override
  public List<TextInput> texts() {
    return inputs.inputs();
  }

  /// One for each work, in their order.
  ///
  /// @param outputs for each of [#texts]
  List<Outcome<R>> outcomes(List<List<Matrix>> outputs) {
    List<Outcome<R>> outcomes = new ArrayList<>(works.size());
    int ready = 0;
    for (Work<R> work : works) {
      outcomes.add(
          switch (work) {
            case Work.Ready<R>(PreparedTask<R> task) ->
                outcome(task, inputs.outputs(ready++, outputs));
            case Work.Faulty<R>(InvalidArgument fault) -> new Outcome.Failed<>(fault);
          });
    }
    return outcomes;
  }

  private static <R> Outcome<R> outcome(PreparedTask<R> task, List<List<Matrix>> outputs) {
    try {
      return new Outcome.Done<>(task.finish(outputs), task.tokens(), task.cut());
    } catch (InvalidArgument fault) {
      return new Outcome.Failed<>(fault);
    }
  }
}
