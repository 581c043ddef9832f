package dev.coffey.model;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import dev.coffey.kernels.cuda.InterpretedCuda;
import java.util.ArrayList;
import java.util.List;

/// The backends that tests of models run on: every one that this machine can open. A CPU backend
/// that refuses is a failed test; any other is reported as skipped.
final class Backends {
  /// Those that every machine has.
  static final List<String> REQUIRED = List.of("scalar", "vector");

  private Backends() {}

  static List<KernelsProvider> usable() {
    List<KernelsProvider> usable = new ArrayList<>();
    for (KernelsProvider provider : KernelsProvider.all()) {
      switch (provider.probe()) {
        case Availability.Usable _ -> usable.add(provider);
        case Availability.Refused(String reason) -> {
          if (REQUIRED.contains(provider.name())) {
            throw new AssertionError("backend " + provider.name() + " must run: " + reason);
          }
          System.out.println("backend " + provider.name() + ": skipped, " + reason);
        }
      }
    }
    List<String> names = usable.stream().map(KernelsProvider::name).toList();
    if (!names.containsAll(REQUIRED)) {
      throw new AssertionError("backends " + REQUIRED + " must run, found " + names);
    }
    return usable;
  }

  /// The CUDA backend with its kernels interpreted, from both PTX images.
  static List<KernelsProvider> interpreted() {
    return List.of(InterpretedCuda.provider(80), InterpretedCuda.provider(75));
  }

  static Kernels open(KernelsProvider provider) {
    return provider.open(new KernelsOptions(2));
  }
}
