package dev.coffey.model.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.withPrecision;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class EmbeddingTest {
  private static final float[] POOLED = {3, 4, 12, -84};

  @Test
  void of_fewerDimensions_areCutBeforeScaling() {
    assertThat(Embedding.of(POOLED, 2, true)).containsExactly(0.6f, 0.8f);
    assertThat(Embedding.of(POOLED, 3, false)).containsExactly(3, 4, 12);
    assertThat(Embedding.of(POOLED, 0, true))
        .containsExactly(3 / 85f, 4 / 85f, 12 / 85f, -84 / 85f);
    assertThat(POOLED).as("the model's own").containsExactly(3, 4, 12, -84);
  }

  @Test
  void of_zeros_stayZeros() {
    assertThat(Embedding.of(new float[3], 0, true)).containsExactly(0, 0, 0);
  }

  @Test
  void of_hugeNumbers_doNotOverflow() {
    assertThat(Embedding.of(new float[] {3e30f, -4e30f}, 0, true))
        .containsExactly(new float[] {0.6f, -0.8f}, withPrecision(1e-7f));
  }

  @Test
  void of_moreDimensionsThanThereAre_areRefused() {
    assertThatThrownBy(() -> Embedding.of(POOLED, 5, false))
        .hasMessage("dimensions is 5; the model's vectors have 4: ask for 1 to 4, or 0 for all");
  }

  @Test
  void fp16_numbers_areLittleEndianHalves() {
    PackedVector packed = PackedVector.fp16(new float[] {1, -2, 65504, 0x1p-24f, 0.1f});
    ByteBuffer bytes = ByteBuffer.wrap(packed.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(packed.dimensions()).isEqualTo(5);
    assertThat(new short[] {bytes.getShort(), bytes.getShort(), bytes.getShort(), bytes.getShort()})
        .containsExactly((short) 0x3C00, (short) 0xC000, (short) 0x7BFF, (short) 0x0001);
    assertThat(Float.float16ToFloat(bytes.getShort())).isEqualTo(0.099975586f);
    assertThat(packed.bytes()).startsWith(0x00, 0x3C);
  }

  @Test
  void fp16_beyondItsRange_isRefused() {
    assertThatThrownBy(() -> PackedVector.fp16(new float[] {0, -70000}))
        .hasMessageContaining("number 1 of the vector is -70000.0; FP16 holds up to ±65504.0");
  }

  @Test
  void int8_numbers_areWithinHalfAStep() {
    float[] vector = {0.5f, -0.25f, 0.001f, -0.4999f, 0};
    PackedVector packed = PackedVector.int8(vector);
    assertThat(packed.bytes()).startsWith(127, -64);
    for (int i = 0; i < vector.length; i++) {
      assertThat(Math.abs(packed.bytes()[i] * packed.scale() - vector[i]))
          .isLessThanOrEqualTo(packed.scale() * 0.5001f);
    }
    assertThat(PackedVector.int8(new float[2]).bytes()).containsOnly(0);
    assertThat(PackedVector.int8(new float[] {Float.MIN_VALUE, -Float.MIN_VALUE}).bytes())
        .containsExactly(127, -127);
  }

  @Test
  void binary_positiveNumbers_areBitsFromTheHighest() {
    PackedVector packed =
        PackedVector.binary(new float[] {1, 0, -1, 2, 0.1f, -0f, -3, Float.MIN_VALUE, 5});
    assertThat(packed.bytes()).containsExactly(0b1001_1001, 0b1000_0000);
    assertThat(packed.dimensions()).isEqualTo(9);
  }
}
