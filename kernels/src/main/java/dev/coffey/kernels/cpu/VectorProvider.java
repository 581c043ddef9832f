package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Availability;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.KernelsOptions;
import dev.coffey.kernels.KernelsProvider;
import java.util.Optional;

/// Opens [VectorKernels] on the machine's widest vectors. Names no class of the Vector API, and
/// touches those that do only once the module is known to be there: without it they would not link.
public final class VectorProvider implements KernelsProvider {
  private static final String MODULE = "jdk.incubator.vector";

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public int rank() {
    return 100;
  }

  @Override
  public Availability probe() {
    return probe(ModuleLayer.boot());
  }

  static Availability probe(ModuleLayer boot) {
    if (boot.findModule(MODULE).isEmpty()) {
      return new Availability.Refused(
          "this JVM was started without the Vector API; add '--add-modules " + MODULE + "'");
    }
    Optional<VectorShape> shape = VectorShape.preferred();
    return shape.isPresent()
        ? new Availability.Usable(shape.get().description())
        : new Availability.Refused("the JVM found no vectors of 128 bits or more");
  }

  @Override
  public Kernels open(KernelsOptions options) {
    return switch (probe()) {
      case Availability.Usable _ -> {
        VectorShape shape = VectorShape.preferred().orElseThrow();
        shape.setPlain(options.quickStart());
        yield new VectorKernels(shape, options.threads());
      }
      case Availability.Refused(String reason) ->
          throw new IllegalStateException("backend 'vector' can't run here: " + reason);
    };
  }
}
