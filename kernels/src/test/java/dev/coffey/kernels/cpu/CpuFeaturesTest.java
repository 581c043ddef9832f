package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CpuFeaturesTest {
  @Test
  void parse_x86_namesTheModelAndWhatMatters() {
    String cpuinfo =
        """
        processor\t: 0
        model name\t: AMD EPYC 9354
        flags\t\t: fpu sse4_2 fma avx avx2 avx512f avx512_bf16

        processor\t: 1
        model name\t: another
        flags\t\t: fpu
        """;
    assertThat(CpuFeatures.parse(cpuinfo).describe())
        .isEqualTo("AMD EPYC 9354: sse4_2 avx fma avx2 avx512f avx512_bf16");
  }

  @Test
  void parse_arm_readsFeaturesWithoutAName() {
    CpuFeatures features = CpuFeatures.parse("processor : 0\nFeatures : fp asimd asimddp i8mm\n");
    assertThat(features.describe()).isEqualTo("unnamed processor: asimd asimddp i8mm");
  }

  @Test
  void parse_nothing_saysSo() {
    assertThat(CpuFeatures.parse("").describe())
        .isEqualTo("unnamed processor: no known SIMD features listed");
  }
}
