package dev.coffey.model.task;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The inputs of all items of a request, equal ones once: what is sent to the model, and which of
/// its results belong to which item.
public final class UniqueInputs {
  private final List<TextInput> inputs;
  private final List<int[]> places;

  private UniqueInputs(List<TextInput> inputs, List<int[]> places) {
    this.inputs = inputs;
    this.places = places;
  }

  /// The inputs of `tasks`, in the order of their first appearance.
  public static UniqueInputs of(List<? extends PreparedTask<?>> tasks) {
    Map<Key, Integer> seen = new LinkedHashMap<>();
    List<TextInput> inputs = new ArrayList<>();
    List<int[]> places = new ArrayList<>(tasks.size());
    for (PreparedTask<?> task : tasks) {
      int[] of = new int[task.inputs().size()];
      for (int i = 0; i < of.length; i++) {
        TextInput input = task.inputs().get(i);
        Integer place = seen.putIfAbsent(Key.of(input), inputs.size());
        if (place == null) {
          place = inputs.size();
          inputs.add(input);
        }
        of[i] = place;
      }
      places.add(of);
    }
    return new UniqueInputs(List.copyOf(inputs), places);
  }

  /// What the model is to compute.
  public List<TextInput> inputs() {
    return inputs;
  }

  /// The results for [PreparedTask#finish] of a task.
  ///
  /// @param task its place in the list
  /// @param all the results of [#inputs], in order
  public List<List<Matrix>> outputs(int task, List<List<Matrix>> all) {
    List<List<Matrix>> outputs = new ArrayList<>();
    for (int place : places.get(task)) {
      outputs.add(all.get(place));
    }
    return outputs;
  }

  /// An input by its content.
  private record Key(IntBuffer ids, IntBuffer types, IntBuffer positions, List<Readout> readouts) {
    static Key of(TextInput input) {
      return new Key(
          IntBuffer.wrap(input.ids()),
          IntBuffer.wrap(input.types()),
          IntBuffer.wrap(input.positions()),
          input.readouts());
    }
  }
}
