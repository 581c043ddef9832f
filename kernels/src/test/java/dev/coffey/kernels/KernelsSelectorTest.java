package dev.coffey.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coffey.kernels.KernelsSelector.Selection;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelsSelectorTest {
  private static final KernelsProvider GPU =
      new FakeProvider("gpu", new Availability.Refused("no driver; install one"));
  private static final KernelsProvider FAST =
      new FakeProvider("fast", new Availability.Usable("8 lanes"));
  private static final KernelsProvider SLOW =
      new FakeProvider("slow", new Availability.Usable("1 lane"));

  @Test
  void select_auto_takesTheFirstUsableAndKeepsAllVerdicts() {
    Selection selection = KernelsSelector.select("auto", List.of(GPU, FAST, SLOW));
    assertThat(selection.provider()).isSameAs(FAST);
    assertThat(selection.detail()).isEqualTo("8 lanes");
    assertThat(selection.verdicts())
        .extracting(KernelsSelector.Verdict::name)
        .containsExactly("gpu", "fast", "slow");
    assertThat(selection.verdicts().getFirst().availability())
        .isEqualTo(new Availability.Refused("no driver; install one"));
  }

  @Test
  void select_named_takesItThoughABetterOneIsUsable() {
    assertThat(KernelsSelector.select("slow", List.of(GPU, FAST, SLOW)).provider()).isSameAs(SLOW);
  }

  // Breaks if a refused backend is quietly replaced by another.
  @Test
  void select_namedButRefused_failsWithTheReason() {
    assertThatThrownBy(() -> KernelsSelector.select("gpu", List.of(GPU, FAST)))
        .isInstanceOf(BackendRefusedException.class)
        .hasMessage("backend 'gpu' can't run here: no driver; install one");
  }

  @Test
  void select_unknownName_failsWithTheKnownOnes() {
    assertThatThrownBy(() -> KernelsSelector.select("tpu", List.of(GPU, FAST)))
        .isInstanceOf(BackendRefusedException.class)
        .hasMessage("backend 'tpu' is not in this build; it has: auto, gpu, fast");
  }

  @Test
  void select_autoWithNothingUsable_fails() {
    assertThatThrownBy(() -> KernelsSelector.select("auto", List.of(GPU)))
        .isInstanceOf(BackendRefusedException.class)
        .hasMessage("no backend can do this here: gpu: no driver; install one");
  }

  // Breaks if a precision that was asked for is dropped on the way to the next best backend.
  @Test
  void select_autoInAPrecisionThatNoneHas_failsWithEachReason() {
    assertThatThrownBy(() ->
            KernelsSelector.select(
                "auto", List.of(GPU, FAST), new KernelsOptions(1, DType.BF16, 0), Devices.of(0)))
        .isInstanceOf(BackendRefusedException.class)
        .hasMessage(
            "no backend can do this here: gpu: no driver; install one; fast: it computes in fp32 only, not in bf16; leave --precision away");
  }

  @Test
  void select_aDeviceThatIsNotThere_isRefused() {
    assertThatThrownBy(() ->
            KernelsSelector.select(
                "fast", List.of(FAST), new KernelsOptions(1), new Devices(List.of(0, 1))))
        .hasMessage(
            "backend 'fast' can't run here: it has one device, 0, not a device 1; leave --device away");
  }

  // Breaks if one is left out because others can be used.
  @Test
  void select_allDevices_areEachProbedAndOpened() {
    KernelsProvider three =
        new KernelsProvider() {
          @Override
          public String name() {
            return "three";
          }

          @Override
          public int rank() {
            return 0;
          }

          @Override
          public Availability probe() {
            return new Availability.Usable("three of them");
          }

          @Override
          public int devices() {
            return 3;
          }

          @Override
          public Availability probe(KernelsOptions options) {
            return options.precision() == DType.F16 && options.device() == 2
                ? new Availability.Refused("2 has no fp16")
                : new Availability.Usable("device " + options.device());
          }

          @Override
          public Kernels open(KernelsOptions options) {
            throw new IllegalStateException("opened " + options.device());
          }
        };
    Selection selection =
        KernelsSelector.select("three", List.of(three), new KernelsOptions(1), Devices.ALL);
    assertThat(selection.detail()).isEqualTo("device 0; device 1; device 2");
    assertThat(selection.options()).extracting(KernelsOptions::device).containsExactly(0, 1, 2);
    assertThatThrownBy(selection::open).hasMessage("opened 0");
    assertThatThrownBy(() ->
            KernelsSelector.select(
                "three", List.of(three), new KernelsOptions(1, DType.F16, 0), Devices.ALL))
        .hasMessage("backend 'three' can't run here: 2 has no fp16");
  }

  @Test
  void all_thisBuild_hasVectorBeforeScalar() {
    assertThat(KernelsProvider.all())
        .extracting(KernelsProvider::name)
        .containsSubsequence("vector", "scalar");
  }

  private record FakeProvider(String name, Availability probe) implements KernelsProvider {
    @Override
    public int rank() {
      return 0;
    }

    @Override
    public Kernels open(KernelsOptions options) {
      throw new UnsupportedOperationException("the selector opens nothing");
    }
  }
}
