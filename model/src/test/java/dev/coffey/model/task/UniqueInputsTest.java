package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.model.Matrix;
import dev.coffey.model.Readout;
import dev.coffey.model.TextInput;
import java.util.List;
import org.junit.jupiter.api.Test;

class UniqueInputsTest {
  /// What two items have in common is sent once, and both get its result.
  @Test
  void of_equalInputs_areOnce() {
    PreparedTask<List<Float>> first = task(input(1, 2), input(3), input(1, 2));
    PreparedTask<List<Float>> second = task(input(3), input(4));
    UniqueInputs unique = UniqueInputs.of(List.of(first, second));
    assertThat(unique.inputs()).extracting(input -> input.ids()[0]).containsExactly(1, 3, 4);
    List<List<Matrix>> all =
        unique.inputs().stream()
            .map(input -> List.of(Tokenizers.row(10f * input.ids()[0])))
            .toList();
    assertThat(first.finish(unique.outputs(0, all))).containsExactly(10f, 30f, 10f);
    assertThat(second.finish(unique.outputs(1, all))).containsExactly(30f, 40f);
    assertThat(first.tokens()).isEqualTo(5);
  }

  @Test
  void of_inputsThatDifferInOnePart_areApart() {
    TextInput input = input(1, 2);
    List<TextInput> others =
        List.of(
            input,
            new TextInput(new int[] {1, 2}, new int[] {0, 1}, input.positions(), input.readouts()),
            new TextInput(input.ids(), input.types(), new int[] {0, 2}, input.readouts()),
            new TextInput(
                input.ids(), input.types(), input.positions(), List.of(new Readout.Hidden())));
    PreparedTask<Integer> task = new PreparedTask<>(others, 0, List::size);
    assertThat(UniqueInputs.of(List.of(task)).inputs()).hasSize(4);
  }

  @Test
  void finish_otherCountOfResults_isRefused() {
    assertThatThrownBy(() -> task(input(1), input(2)).finish(List.of()))
        .hasMessage("results of 0 inputs for 2 inputs");
  }

  private static PreparedTask<List<Float>> task(TextInput... inputs) {
    return new PreparedTask<>(
        List.of(inputs),
        0,
        outputs -> outputs.stream().map(output -> output.getFirst().values()[0]).toList());
  }

  private static TextInput input(int... ids) {
    int[] positions = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      positions[i] = i;
    }
    return new TextInput(ids, new int[ids.length], positions, List.of(new Readout.Head()));
  }
}
