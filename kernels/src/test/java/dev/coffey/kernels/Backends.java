package dev.coffey.kernels;

import dev.coffey.kernels.cpu.ForcedWidths;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/// The backends that the contract is tested on: every usable provider as a user gets it, and the
/// SIMD backend at each width.
enum Backends {
  ;

  /// `open` takes a number of threads. `provider` is the name that a user knows it by.
  record Backend(String name, String provider, IntFunction<Kernels> open) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Backend> usable() {
    List<Backend> backends = new ArrayList<>();
    for (KernelsProvider provider : KernelsProvider.all()) {
      if (provider.probe() instanceof Availability.Usable) {
        backends.add(
            new Backend(
                provider.name(),
                provider.name(),
                threads -> provider.open(new KernelsOptions(threads))));
      }
    }
    for (int lanes : new int[] {4, 8, 16}) {
      backends.add(
          new Backend(
              "vector-" + 32 * lanes, "vector", threads -> ForcedWidths.open(lanes, threads)));
    }
    return backends;
  }

  /// The backends that this machine can't run, and why.
  static List<String> refused() {
    List<String> refused = new ArrayList<>();
    for (KernelsProvider provider : KernelsProvider.all()) {
      if (provider.probe() instanceof Availability.Refused(String reason)) {
        refused.add("backend " + provider.name() + ": skipped, " + reason);
      }
    }
    return refused;
  }
}
