package dev.coffey.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import org.junit.jupiter.api.Test;

class VectorProviderTest {
  @Test
  void probe_moduleAbsent_isRefusedWithTheFlag() {
    assertThat(VectorProvider.probe(ModuleLayer.empty()))
        .isEqualTo(
            new Availability.Refused(
                "this JVM was started without the Vector API; add '--add-modules"
                    + " jdk.incubator.vector'"));
  }

  @Test
  void open_here_describesWhatRuns() {
    VectorProvider provider = new VectorProvider();
    assertThat(provider.probe()).isInstanceOf(Availability.Usable.class);
    try (Kernels kernels = provider.open(new KernelsOptions(2))) {
      assertThat(kernels.name()).isEqualTo(provider.name());
      assertThat(kernels.description()).contains("lanes", "2 threads", "fp32");
    }
  }
}
