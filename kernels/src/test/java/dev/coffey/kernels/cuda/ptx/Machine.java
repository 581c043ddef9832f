package dev.coffey.kernels.cuda.ptx;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A device that interprets kernels. A launch is done when it returns; its CTAs are spread over the
/// cores.
public final class Machine {
  private final DeviceMemory memory;
  private final int sharedBytesPerCta;
  private final int cores = Runtime.getRuntime().availableProcessors();
  private long nextSerial = Stamp.FIRST_SERIAL;
  private long instructions;
  private long launches;

  /// @param sharedBytesPerCta the most that a CTA may have, static and dynamic together
  public Machine(DeviceMemory memory, int sharedBytesPerCta) {
    this.memory = memory;
    this.sharedBytesPerCta = sharedBytesPerCta;
  }

  public DeviceMemory memory() {
    return memory;
  }

  /// Thread instructions executed so far: an instruction counts once for each thread that is there.
  public long instructions() {
    return instructions;
  }

  public long launches() {
    return launches;
  }

  /// Runs a kernel to its end.
  ///
  /// @param arguments the parameters' space, little-endian
  public void launch(
      Kernel kernel, int gridX, int gridY, int gridZ, int threads, int shared, byte[] arguments) {
    check(kernel, gridX, gridY, gridZ, threads, shared, arguments);
    Launch launch =
        new Launch(
            this,
            kernel,
            gridX,
            gridY,
            gridZ,
            threads,
            shared,
            new Launch.Arguments(arguments),
            nextSerial);
    nextSerial += launch.ctas();
    launches++;
    run(launch);
  }

  private void check(
      Kernel kernel, int gridX, int gridY, int gridZ, int threads, int shared, byte[] arguments) {
    String problem = null;
    if (gridX < 1 || gridY < 1 || gridZ < 1 || gridY > 65535 || gridZ > 65535) {
      problem = "grid (%d, %d, %d)".formatted(gridX, gridY, gridZ);
    } else if ((long) gridX * gridY * gridZ + nextSerial >= Integer.MAX_VALUE) {
      problem = "more CTAs than this machine can count";
    } else if (threads < 1 || threads > kernel.maxThreads) {
      problem = threads + " threads, at most " + kernel.maxThreads;
    } else if (shared < 0 || kernel.sharedBytes + shared > sharedBytesPerCta) {
      problem =
          "%d bytes of static and %d of dynamic shared memory, at most %d together"
              .formatted(kernel.sharedBytes, shared, sharedBytesPerCta);
    } else if (arguments.length != kernel.parameterBytes()) {
      problem =
          "%d bytes of arguments, %d of parameters"
              .formatted(arguments.length, kernel.parameterBytes());
    }
    if (problem != null) {
      throw new Fault(Fault.Kind.LAUNCH, "kernel " + kernel.name() + ": " + problem);
    }
  }

  private void run(Launch launch) {
    AtomicInteger next = new AtomicInteger();
    AtomicReference<@Nullable Fault> fault = new AtomicReference<>();
    int workers = Math.min(cores, launch.ctas());
    instructions +=
        IntStream.range(0, workers)
            .parallel()
            .mapToLong(_ -> {
              Cta cta = new Cta(launch);
              for (int i = next.getAndIncrement();
                  i < launch.ctas() && fault.get() == null;
                  i = next.getAndIncrement()) {
                try {
                  cta.run(i);
                } catch (Fault e) {
                  fault.compareAndSet(null, e);
                }
              }
              return cta.instructions();
            })
            .sum();
    Fault first = fault.get();
    if (first != null) {
      throw first;
    }
  }
}
