package dev.coffey.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// Chooses a backend: the one that the user named, or for `auto` the best usable one. A named
/// backend that is refused is an error, never a reason to take another.
public final class KernelsSelector {
  /// The request that leaves the choice to the machine.
  public static final String AUTO = "auto";

  /// What one provider said.
  public record Verdict(String name, Availability availability) {}

  /// The provider to open, what to open it with, once for each device, what it runs on, and what
  /// every provider said, best rank first.
  public record Selection(
      KernelsProvider provider,
      List<KernelsOptions> options,
      String detail,
      List<Verdict> verdicts) {

    /// Opens all devices. The caller owns the result and closes each.
    public List<Kernels> open() {
      return open(false);
    }

    /// As above, perhaps for a quick start: see [KernelsOptions].
    public List<Kernels> open(boolean quickStart) {
      List<Kernels> opened = new ArrayList<>();
      try {
        for (KernelsOptions device : options) {
          opened.add(provider.open(device.quickStart(quickStart)));
        }
        return List.copyOf(opened);
      } catch (Throwable failure) {
        opened.reversed().forEach(Kernels::close);
        throw failure;
      }
    }
  }

  private KernelsSelector() {}

  /// Chooses among `providers`, which are ordered best first, for work in fp32 on the first device.
  ///
  /// @throws BackendRefusedException as with options
  public static Selection select(String request, List<KernelsProvider> providers) {
    return select(request, providers, new KernelsOptions(1), Devices.of(0));
  }

  /// Chooses among `providers`, which are ordered best first, one that can be opened with `options`
  /// on all of `devices`.
  ///
  /// @param options for each device, but for its number
  /// @throws BackendRefusedException if `request` names no provider, or one that is refused, or
  ///   nothing is usable
  public static Selection select(
      String request, List<KernelsProvider> providers, KernelsOptions options, Devices devices) {
    List<Verdict> verdicts = new ArrayList<>();
    KernelsProvider chosen = null;
    List<KernelsOptions> each = List.of();
    String detail = "";
    for (KernelsProvider provider : providers) {
      List<KernelsOptions> wantedOf =
          devices.among(provider.devices()).stream().map(options::on).toList();
      Availability availability = probe(provider, wantedOf);
      verdicts.add(new Verdict(provider.name(), availability));
      boolean wanted = request.equals(AUTO) || request.equals(provider.name());
      if (chosen == null && wanted && availability instanceof Availability.Usable(String found)) {
        chosen = provider;
        each = wantedOf;
        detail = found;
      }
    }
    if (chosen == null) {
      throw new BackendRefusedException(refusal(request, verdicts));
    }
    return new Selection(chosen, each, detail, List.copyOf(verdicts));
  }

  /// Usable if it is on every device.
  private static Availability probe(KernelsProvider provider, List<KernelsOptions> devices) {
    List<String> details = new ArrayList<>();
    for (KernelsOptions device : devices) {
      switch (provider.probe(device)) {
        case Availability.Refused refused -> {
          return refused;
        }
        case Availability.Usable(String found) -> details.add(found);
      }
    }
    return new Availability.Usable(String.join("; ", details));
  }

  private static String refusal(String request, List<Verdict> verdicts) {
    for (Verdict verdict : verdicts) {
      if (verdict.name().equals(request)
          && verdict.availability() instanceof Availability.Refused(String reason)) {
        return "backend '" + request + "' can't run here: " + reason;
      }
    }
    String known = verdicts.stream().map(Verdict::name).collect(Collectors.joining(", "));
    if (request.equals(AUTO)) {
      return "no backend can do this here: "
          + verdicts.stream().map(KernelsSelector::words).collect(Collectors.joining("; "));
    }
    return "backend '" + request + "' is not in this build; it has: auto, " + known;
  }

  private static String words(Verdict verdict) {
    return verdict.name()
        + ": "
        + switch (verdict.availability()) {
          case Availability.Usable(String detail) -> detail;
          case Availability.Refused(String reason) -> reason;
        };
  }
}
