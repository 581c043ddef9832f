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

  /// Whether it can also be opened with `options`. A backend that says nothing else has one device
  /// and fp32.
  default Availability probe(KernelsOptions options) {
    Availability availability = probe();
    if (availability instanceof Availability.Refused) {
      return availability;
    }
    if (options.precision() != DType.F32) {
      return new Availability.Refused(
          "it computes in fp32 only, not in %s; leave --precision away"
              .formatted(options.precision().word()));
    }
    return options.device() == 0
        ? availability
        : new Availability.Refused(
            "it has one device, 0, not a device %d; leave --device away"
                .formatted(options.device()));
  }

  /// How many devices of its kind there are, usable or not; at least 1, so that one can be asked
  /// why not. Cheap, without side effects, and never throws.
  default int devices() {
    return 1;
  }

  /// Opens the device, which [#probe(KernelsOptions)] must have found usable. The caller owns the
  /// result and closes it.
  Kernels open(KernelsOptions options);

  /// All providers on the class path, best rank first.
  static List<KernelsProvider> all() {
    return ServiceLoader.load(KernelsProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(KernelsProvider::rank).reversed())
        .toList();
  }
}
