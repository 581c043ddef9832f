package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;

/// Opens [ScalarKernels]: runs everywhere, one thread, slow by intent.
public final class ScalarProvider implements KernelsProvider {
  @Override
  public String name() {
    return ScalarKernels.NAME;
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public Availability probe() {
    return new Availability.Usable("any machine, 1 thread, the reference");
  }

  @Override
  public Kernels open(KernelsOptions options) {
    return new ScalarKernels();
  }
}
