package dev.coffey.kernels.cuda.ptx;

/// One thread block while it runs: its warps, its shared memory, its barriers. Used for one block
/// after another by one thread of the host.
final class Cta {
  private final Launch launch;
  private final Region shared;
  private final Warp[] warps;
  private int index;
  private int interval;

  Cta(Launch launch) {
    this.launch = launch;
    int bytes = launch.kernel().sharedBytes + launch.dynamicSharedBytes();
    this.shared =
        new Region("shared memory", 0, bytes, new Shadow("shared memory", bytes, true, true));
    this.warps = new Warp[(launch.threads() + Warp.LANES - 1) / Warp.LANES];
    for (int w = 0; w < warps.length; w++) {
      warps[w] = new Warp(this, w, warps.length);
    }
  }

  /// Runs block `index` to its end.
  void run(int index) {
    this.index = index;
    this.interval = 1;
    for (Warp warp : warps) {
      warp.start(launch.threads());
    }
    boolean running = true;
    while (running) {
      for (Warp warp : warps) {
        warp.run();
      }
      running = releaseBarriers();
    }
  }

  /// Lets those go on whose barrier is complete. Returns whether any warp waited.
  private boolean releaseBarriers() {
    for (Warp warp : warps) {
      if (warp.waits()) {
        release(warp);
        return true;
      }
    }
    return false;
  }

  /// All warps have ended or wait. Completes the barrier of `first`, or of another that waits for
  /// fewer.
  private void release(Warp first) {
    for (Warp warp : warps) {
      if (warp.waits() && arrived(warp.barrier()) == expected(warp)) {
        complete(warp);
        return;
      }
    }
    throw first.fault(
        Fault.Kind.DIVERGED,
        0,
        "waits at barrier %d for %d threads, and only %d come"
            .formatted(first.barrier(), expected(first), arrived(first.barrier())));
  }

  private int expected(Warp warp) {
    return warp.barrierThreads() == 0 ? warps.length * Warp.LANES : warp.barrierThreads();
  }

  private int arrived(int barrier) {
    int threads = 0;
    for (Warp warp : warps) {
      threads += warp.barrier() == barrier ? Warp.LANES : 0;
    }
    return threads;
  }

  private void complete(Warp first) {
    int barrier = first.barrier();
    int[] seen = new int[warps.length];
    for (Warp warp : warps) {
      if (warp.barrier() == barrier) {
        if (warp.current() != first.current()) {
          throw warp.fault(
              Fault.Kind.DIVERGED,
              0,
              "waits here at barrier "
                  + barrier
                  + ", and another warp at "
                  + launch.kernel().code[first.current()].site);
        }
        for (int w = 0; w < seen.length; w++) {
          seen[w] = Math.max(seen[w], warp.seen[w]);
        }
        seen[warp.index] = Math.max(seen[warp.index], warp.clock());
      }
    }
    if (expected(first) == warps.length * Warp.LANES) {
      interval++;
    }
    for (Warp warp : warps) {
      if (warp.barrier() == barrier) {
        warp.release(seen);
      }
    }
  }

  Kernel kernel() {
    return launch.kernel();
  }

  Launch launch() {
    return launch;
  }

  /// The number of barriers of the whole CTA so far, and one.
  int interval() {
    return interval;
  }

  long serial() {
    return launch.firstSerial() + index;
  }

  long firstSerial() {
    return launch.firstSerial();
  }

  /// The shared memory, after checking that the access lies in it.
  Region shared(Warp warp, int lane, long address, int bytes) {
    if (address < 0 || address + bytes > shared.bytes.length) {
      throw warp.fault(
          Fault.Kind.OUT_OF_BOUNDS,
          lane,
          "%d bytes at %s of %d bytes of shared memory"
              .formatted(bytes, DeviceMemory.hex(address), shared.bytes.length));
    }
    return shared;
  }

  /// The value of a special register in a thread.
  int special(String name, int thread) {
    return switch (name) {
      case "%tid.x" -> thread;
      case "%tid.y", "%tid.z" -> 0;
      case "%ntid.x" -> launch.threads();
      case "%ntid.y", "%ntid.z" -> 1;
      case "%ctaid.x" -> index % launch.gridX();
      case "%ctaid.y" -> index / launch.gridX() % launch.gridY();
      case "%ctaid.z" -> index / launch.gridX() / launch.gridY();
      case "%nctaid.x" -> launch.gridX();
      case "%nctaid.y" -> launch.gridY();
      case "%nctaid.z" -> launch.gridZ();
      case "%laneid" -> thread % Warp.LANES;
      case "%warpid" -> thread / Warp.LANES;
      case "%nwarpid" -> warps.length;
      case "%lanemask_eq" -> 1 << thread;
      case "%lanemask_lt" -> (1 << thread) - 1;
      case "%lanemask_le" -> (2 << (thread & 31)) - 1;
      case "%lanemask_gt" -> -(2 << (thread & 31));
      case "%lanemask_ge" -> -(1 << thread);
      default -> throw new Fault(Fault.Kind.UNSUPPORTED, "register " + name);
    };
  }

  String threadName(int thread) {
    return thread + " (warp " + thread / Warp.LANES + ", lane " + thread % Warp.LANES + ")";
  }

  /// `(x, y, z)` of the CTA with that serial number.
  String nameOf(long serial) {
    int of = (int) (serial - launch.firstSerial());
    return "(%d, %d, %d)"
        .formatted(
            of % launch.gridX(),
            of / launch.gridX() % launch.gridY(),
            of / launch.gridX() / launch.gridY());
  }

  /// Thread instructions that were executed here.
  long instructions() {
    long sum = 0;
    for (Warp warp : warps) {
      sum += warp.instructions;
    }
    return sum;
  }
}
