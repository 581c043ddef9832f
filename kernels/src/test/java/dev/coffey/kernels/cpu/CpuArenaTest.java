package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.Tensor;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuArenaTest {
  // Breaks if tensors overlap, lie askew, or hold what an earlier one left.
  @ParameterizedTest
  @ValueSource(ints = {1, 1000, 150_000, 700_001, 20_000_000})
  void tensor_anySize_isZeroAlignedAndItsOwn(int columns) {
    try (CpuArena arena = arena()) {
      List<Tensor> tensors = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        Tensor tensor = arena.tensor(1, columns);
        assertThat(tensor.data().byteSize()).isEqualTo((long) columns * Float.BYTES);
        assertThat(tensor.data().address() % CpuArena.ALIGNMENT).isZero();
        assertThat(at(tensor, 0)).isZero();
        assertThat(at(tensor, columns - 1)).isZero();
        tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, 0, i + 1f);
        tensor.data().setAtIndex(ValueLayout.JAVA_FLOAT, columns - 1L, i + 1f);
        tensors.add(tensor);
      }
      for (int i = 0; i < tensors.size(); i++) {
        assertThat(at(tensors.get(i), 0)).isEqualTo(i + 1f);
        assertThat(at(tensors.get(i), columns - 1)).isEqualTo(i + 1f);
      }
      assertThat(arena.bytes()).isEqualTo(4L * columns * Float.BYTES);
    }
  }

  // Breaks if a mapping outlives its arena unseen, or is unmapped while it can still be read.
  @ParameterizedTest
  @ValueSource(ints = {1, 700_001})
  void close_anySize_endsAccess(int columns) {
    CpuArena arena = arena();
    Tensor tensor = arena.tensor(1, columns);
    arena.close();
    assertThatThrownBy(() -> at(tensor, 0)).isInstanceOf(IllegalStateException.class);
  }

  private static float at(Tensor tensor, int column) {
    return tensor.data().getAtIndex(ValueLayout.JAVA_FLOAT, column);
  }

  private static CpuArena arena() {
    return new CpuArena((parts, arena) -> {
      throw new AssertionError("nothing to pack here");
    });
  }
}
