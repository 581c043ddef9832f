package dev.coffey.model.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.DType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FiniteTest {
  /// Sizes around the block of 65,536 bytes and around a long.
  private static final List<Integer> SIZES =
      List.of(0, 1, 2, 3, 7, 9, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 98_305);

  /// Breaks if the bits of one lane carry into the next, or a tail is left out: every finite number
  /// of 16 bits, and the largest and smallest of 32, stand beside each other.
  @ParameterizedTest
  @EnumSource
  void firstNotFinite_finiteNumbersOnly_isNone(DType type) {
    for (int size : SIZES) {
      assertThat(Finite.firstNotFinite(finite(size, type), type)).as("%d", size).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void firstNotFinite_oneBadNumber_isFoundAnywhere(DType type) {
    for (int bad : bad(type)) {
      for (int size : SIZES) {
        for (int at : new int[] {0, 1, size / 2, size - 2, size - 1}) {
          if (at >= 0 && at < size) {
            byte[] numbers = bytes(finite(size, type));
            put(numbers, at, bad, type);
            put(numbers, size - 1, bad, type);
            assertThat(Finite.firstNotFinite(MemorySegment.ofArray(numbers), type))
                .as("%s %x at %d of %d", type, bad, at, size)
                .isEqualTo(at);
          }
        }
      }
    }
  }

  private static int[] bad(DType type) {
    return switch (type) {
      case F32 -> new int[] {0x7F800000, 0xFF800000, 0x7FC00000, 0xFFFFFFFF, 0x7F800001};
      case F16 -> new int[] {0x7C00, 0xFC00, 0x7E00, 0xFFFF, 0x7C01};
      case BF16 -> new int[] {0x7F80, 0xFF80, 0x7FC0, 0xFFFF, 0x7F81};
    };
  }

  private static MemorySegment finite(int size, DType type) {
    byte[] numbers = new byte[size * type.bytes()];
    int[] extremes = {0x7F7FFFFF, 0xFF7FFFFF, 0, 0x80000000, 1, 0x007FFFFF, 0x3F800000};
    for (int i = 0; i < size; i++) {
      int bits = type == DType.F32 ? extremes[i % extremes.length] : i & 0xFFFF;
      boolean finite =
          type == DType.F32
              || Float.isFinite(
                  type == DType.F16
                      ? Float.float16ToFloat((short) bits)
                      : Float.intBitsToFloat(bits << 16));
      put(numbers, i, finite ? bits : 0, type);
    }
    return MemorySegment.ofArray(numbers);
  }

  private static byte[] bytes(MemorySegment segment) {
    return (byte[]) segment.heapBase().orElseThrow();
  }

  private static void put(byte[] numbers, int index, int bits, DType type) {
    for (int b = 0; b < type.bytes(); b++) {
      numbers[index * type.bytes() + b] = (byte) (bits >>> (8 * b));
    }
  }
}
