package dev.coffey.kernels;

import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/// Opens one kind of backend. Found by [ServiceLoader]: a new backend adds a class and a line in
/// `META-INF/services`, and nothing else changes.
public interface KernelsProvider {
  /// The name that a user gives to `--backend`.
  String name();

  /// Where `auto` looks first: the highest rank among the usable ones.
  int rank();

  /// Whether this machine can run the backend. Cheap, without side effects, and never throws.
  Availability probe();

  /// Opens the device. The caller owns the result and closes it.
  Kernels open(KernelsOptions options);

  /// All providers on the class path, best rank first.
  static List<KernelsProvider> all() {
    return ServiceLoader.load(KernelsProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(KernelsProvider::rank).reversed())
        .toList();
  }
}
