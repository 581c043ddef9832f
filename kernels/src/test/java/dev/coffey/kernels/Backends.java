package dev.coffey.kernels;

import dev.coffey.kernels.cpu.ForcedWidths;
import dev.coffey.kernels.cuda.InterpretedCuda;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/// The backends that the contract is tested on: every usable provider as a user gets it, and the
/// SIMD backend at each width.
enum Backends {
  ;

  /// `open` takes a number of threads. `provider` is the name that a user knows it by.
  record Backend(
      String name, String provider, DType precision, int guardColumns, IntFunction<Kernels> open) {
    Backend(String name, String provider, IntFunction<Kernels> open) {
      this(name, provider, DType.F32, Bench.GUARD_COLUMNS, open);
    }

    /// A bench for its precision, with inputs that are aligned if this backend is to have such.
    Bench bench(Kernels kernels, Bench.Values values, long seed) {
      return new Bench(kernels, values, seed, precision, guardColumns);
    }

    /// The same with inputs whose rows are aligned.
    Backend aligned() {
      return new Backend(name + "-aligned", provider, precision, Bench.ALIGNED_GUARD_COLUMNS, open);
    }

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

  /// The CUDA backend with its kernels interpreted: for each of the two PTX images every precision
  /// that it has. By the number of multiprocessors the larger sizes here get large tiles and the
  /// smaller ones small tiles.
  static List<Backend> interpreted() {
    return List.of(
        interpreted(80, DType.F32, 2),
        interpreted(80, DType.F32, 2).aligned(),
        interpreted(80, DType.F16, 2),
        interpreted(80, DType.F16, 2).aligned(),
        interpreted(80, DType.BF16, 2),
        interpreted(75, DType.F32, 2),
        interpreted(75, DType.F16, 2),
        interpreted(75, DType.F16, 2).aligned());
  }

  /// What the interpreter did for the backend of that name; empty for others.
  static String interpreted(String name) {
    for (int capability : new int[] {75, 80}) {
      if (name.equals(InterpretedCuda.name(capability))) {
        return ", " + InterpretedCuda.done(capability);
      }
    }
    return "";
  }

  static Backend interpreted(int capability, DType precision, int multiprocessors) {
    String provider = InterpretedCuda.name(capability);
    return new Backend(
        "cuda-sm_%d-%s-%d".formatted(capability, precision.word(), multiprocessors),
        provider,
        precision,
        Bench.GUARD_COLUMNS,
        _ -> InterpretedCuda.open(capability, precision, multiprocessors));
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
