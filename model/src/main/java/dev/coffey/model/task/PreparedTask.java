package dev.coffey.model.task;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Encoding;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/// One item of a request, read and tokenized: what a model is to compute for it, and how the answer
/// is made of that. No device and no thread in it; made in one place, finished in another.
///
/// ```java
/// PreparedTask<List<LabelScore>> task = zeroShot.prepare(text, labels, ...);
/// List<LabelScore> answer = task.run(model);
/// ```
///
/// does both at once, in-process. A server submits the inputs to its batcher, each on its own, and
/// calls [#finish] with the results; [UniqueInputs] puts the items of a request together.
///
/// @param <A> the answer
public final class PreparedTask<A> {
  private final List<TextInput> inputs;
  private final int cut;
  private final Function<List<List<Matrix>>, A> finish;

  /// A task of a caller's own making.
  ///
  /// @param cut tokens that truncation left out
  /// @param finish takes the results of all inputs, in their order
  public PreparedTask(List<TextInput> inputs, int cut, Function<List<List<Matrix>>, A> finish) {
    this.inputs = List.copyOf(inputs);
    this.cut = cut;
    this.finish = finish;
  }

  /// The same readout of each window of a text.
  static <A> PreparedTask<A> ofWindows(
      List<Encoding> windows, Readout readout, Function<List<List<Matrix>>, A> finish) {
    return new PreparedTask<>(
        windows.stream().map(window -> TextInput.of(window, List.of(readout))).toList(),
        windows.stream().mapToInt(Encoding::cut).sum(),
        finish);
  }

  /// Several as one, whose answer is theirs in order.
  static <A> PreparedTask<List<A>> all(List<PreparedTask<A>> tasks) {
    return new PreparedTask<>(
        tasks.stream().flatMap(task -> task.inputs.stream()).toList(),
        tasks.stream().mapToInt(PreparedTask::cut).sum(),
        outputs -> {
          List<A> answers = new ArrayList<>(tasks.size());
          int from = 0;
          for (PreparedTask<A> task : tasks) {
            int to = from + task.inputs.size();
            answers.add(task.finish(outputs.subList(from, to)));
            from = to;
          }
          return List.copyOf(answers);
        });
  }

  /// The same with another answer made of this one's.
  public <B> PreparedTask<B> then(Function<A, B> next) {
    return new PreparedTask<>(inputs, cut, finish.andThen(next));
  }

  /// What the model is to compute. May be empty: then there is nothing to ask the model. Several of
  /// them may be equal.
  public List<TextInput> inputs() {
    return inputs;
  }

  /// Tokens that the model reads, specials included, all inputs together.
  public int tokens() {
    return inputs.stream().mapToInt(TextInput::tokens).sum();
  }

  /// Tokens that truncation left out, all inputs together.
  public int cut() {
    return cut;
  }

  /// The answer.
  ///
  /// @param outputs for each input, in order, one matrix for each of its readouts
  public A finish(List<List<Matrix>> outputs) {
    if (outputs.size() != inputs.size()) {
      throw new IllegalArgumentException(
          "results of %d inputs for %d inputs".formatted(outputs.size(), inputs.size()));
    }
    return finish.apply(outputs);
  }

  /// The answer of a model in this process. Equal inputs are computed once.
  public A run(BatchRunner model) {
    UniqueInputs unique = UniqueInputs.of(List.of(this));
    return finish(unique.outputs(0, model.run(unique.inputs())));
  }
}
