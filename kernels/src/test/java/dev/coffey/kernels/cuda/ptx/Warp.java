package dev.coffey.kernels.cuda.ptx;

import java.util.Arrays;
import java.util.StringJoiner;

/// 32 threads of a CTA that execute together. Where they go apart, those at the lowest place in the
/// code go first, and they are together again where they meet. A warp runs until all its threads
/// have ended or wait at a barrier.
final class Warp {
  static final int LANES = Registers.LANES;
  static final int ALL = -1;

  /// Far more than any kernel of ours needs: an endless loop ends here.
  private static final long MAX_INSTRUCTIONS = 1L << 31;

  private static final int NO_BARRIER = -1;

  final Cta cta;
  final int index;
  final Kernel kernel;
  final int[] words;
  final long[] longs;
  final int[] predicates;
  final int[] wordResult = new int[LANES];
  final long[] longResult = new long[LANES];
  final AsyncCopies copies = new AsyncCopies(this);
  final MatrixScratch matrices = new MatrixScratch();

  /// For each warp of the CTA: what it did up to that clock of its is done for this warp. Its own
  /// entry is the clock before the current one.
  final int[] seen;

  /// The CTA's number among all CTAs ever run.
  long serial;

  /// What this warp's accesses are marked with; see [Stamp].
  long stamp;

  /// Marks reads by several lanes of this warp now.
  long lanesStamp;

  /// Marks reads by several warps since the CTA's last barrier.
  long warpsStamp;

  /// Marks reads by several CTAs of this launch.
  long ctasStamp;

  /// Where execution goes on.
  int next;

  /// The lanes that execute now.
  int active;

  /// The lanes that have not ended.
  int live;

  /// Thread instructions executed.
  long instructions;

  private final byte[] local;
  private final int[] laneNext = new int[LANES];
  private int others;
  private int clock;
  private int current;
  private int barrier = NO_BARRIER;
  private int barrierThreads;
  private long steps;

  Warp(Cta cta, int index, int warps) {
    this.cta = cta;
    this.index = index;
    this.kernel = cta.kernel();
    this.words = new int[kernel.words.length];
    this.longs = new long[kernel.longs.length];
    this.predicates = new int[kernel.predicates];
    this.local = new byte[kernel.localBytes * LANES];
    this.seen = new int[warps];
  }

  /// At the kernel's beginning, as a warp of the CTA that [#cta] is now.
  void start(int threads) {
    System.arraycopy(kernel.words, 0, words, 0, words.length);
    System.arraycopy(kernel.longs, 0, longs, 0, longs.length);
    Arrays.fill(predicates, 0);
    Arrays.fill(seen, 0);
    copies.clear();
    serial = cta.serial();
    clock = 1;
    mark();
    int lanes = Math.min(LANES, threads - index * LANES);
    live = lanes == LANES ? ALL : (1 << lanes) - 1;
    active = live;
    next = 0;
    others = Integer.MAX_VALUE;
    barrier = NO_BARRIER;
    steps = 0;
    for (Kernel.Special special : kernel.specials) {
      for (int lane = 0; lane < LANES; lane++) {
        words[special.at() + lane] = cta.special(special.name(), index * LANES + lane);
      }
    }
  }

  /// Executes until all threads have ended or wait.
  void run() {
    Instruction[] code = kernel.code;
    while (live != 0 && barrier == NO_BARRIER) {
      if (next >= others) {
        regroup();
      }
      current = next;
      Instruction instruction = code[next++];
      int mask = active;
      int guard = instruction.site.guard();
      if (guard >= 0) {
        mask &= instruction.site.negated() ? ~predicates[guard] : predicates[guard];
      }
      instructions += Integer.bitCount(active);
      if (mask != 0) {
        instruction.execute(this, mask);
      }
      if (++steps > MAX_INSTRUCTIONS) {
        throw fault(Fault.Kind.ENDLESS, firstLane(active), "more than 2^31 instructions");
      }
    }
  }

  /// The lanes in `taken` go on at `target`, other active ones behind this instruction.
  void branch(int taken, int target) {
    if (taken == active) {
      next = target;
      return;
    }
    for (int lanes = taken; lanes != 0; lanes &= lanes - 1) {
      laneNext[firstLane(lanes)] = target;
    }
    active &= ~taken;
    others = Math.min(others, target);
    if (next >= others) {
      regroup();
    }
  }

  /// Lane `lane`, one of `mask`, goes on at `target`.
  void branchEach(int mask, int[] targets) {
    park(active, next);
    for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
      int lane = firstLane(lanes);
      laneNext[lane] = targets[lane];
    }
    active = 0;
    select();
  }

  /// The threads in `mask` have ended.
  void exit(int mask) {
    live &= ~mask;
    active &= ~mask;
    if (active == 0 && live != 0) {
      select();
    }
  }

  /// Lanes that waited at the place that execution came to, or before it, take part.
  private void regroup() {
    park(active, next);
    active = 0;
    select();
  }

  private void park(int mask, int at) {
    for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
      laneNext[firstLane(lanes)] = at;
    }
  }

  /// The lanes at the lowest place become the active ones.
  private void select() {
    int lowest = Integer.MAX_VALUE;
    for (int lanes = live; lanes != 0; lanes &= lanes - 1) {
      lowest = Math.min(lowest, laneNext[firstLane(lanes)]);
    }
    next = lowest;
    others = Integer.MAX_VALUE;
    for (int lanes = live; lanes != 0; lanes &= lanes - 1) {
      int lane = firstLane(lanes);
      if (laneNext[lane] == lowest) {
        active |= 1 << lane;
      } else {
        others = Math.min(others, laneNext[lane]);
      }
    }
  }

  /// Waits at a barrier for `threads` threads, 0 for all of the CTA.
  void waitAt(int barrier, int threads) {
    this.barrier = barrier;
    this.barrierThreads = threads;
  }

  boolean waits() {
    return barrier != NO_BARRIER;
  }

  int barrier() {
    return barrier;
  }

  int barrierThreads() {
    return barrierThreads;
  }

  /// The instruction that this warp is at, or was last.
  int current() {
    return current;
  }

  int clock() {
    return clock;
  }

  /// Leaves the barrier. `seen[w]`: the clock of each warp that came to it, and what those had
  /// seen.
  void release(int[] seen) {
    for (int w = 0; w < seen.length; w++) {
      this.seen[w] = Math.max(this.seen[w], seen[w]);
    }
    barrier = NO_BARRIER;
    tick();
  }

  /// What the lanes did up to now is done for all lanes.
  void synchronizeLanes() {
    tick();
  }

  private void tick() {
    seen[index] = clock;
    if (++clock > Stamp.MAX_CLOCK) {
      throw fault(Fault.Kind.ENDLESS, 0, "more barriers than can be counted");
    }
    mark();
  }

  private void mark() {
    stamp = Stamp.of(serial, index, clock);
    lanesStamp = stamp | Stamp.LANES;
    warpsStamp = Stamp.of(serial, 0, cta.interval()) | Stamp.WARPS;
    ctasStamp = Stamp.of(cta.firstSerial(), 0, 0) | Stamp.CTAS;
  }

  long firstSerial() {
    return cta.firstSerial();
  }

  int interval() {
    return cta.interval();
  }

  /// Takes over the results of [#wordResult] for the lanes in `mask`.
  void keepWords(int at, int mask) {
    for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
      int lane = firstLane(lanes);
      words[at + lane] = wordResult[lane];
    }
  }

  void keepLongs(int at, int mask) {
    for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
      int lane = firstLane(lanes);
      longs[at + lane] = longResult[lane];
    }
  }

  void setPredicate(int number, int mask, int bits) {
    predicates[number] = (predicates[number] & ~mask) | (bits & mask);
  }

  /// A thread's own memory.
  byte[] local() {
    return local;
  }

  /// All of the warp must be there: fails otherwise.
  void requireWhole(int mask) {
    if (mask != ALL) {
      throw fault(
          Fault.Kind.DIVERGED,
          firstLane(~mask),
          "doesn't execute this with its warp; the lanes that do: " + lanes(mask));
    }
  }

  /// The lanes that a `.sync` names must all be there: fails otherwise.
  void requireMembers(int mask, int members) {
    if ((members & live & ~mask) != 0 || (mask & ~members) != 0) {
      int wrong = (members & live & ~mask) | (mask & ~members);
      throw fault(
          Fault.Kind.DIVERGED,
          firstLane(wrong),
          "the lanes that must execute this are "
              + lanes(members & live)
              + ", those that do "
              + lanes(mask));
    }
  }

  static int firstLane(int mask) {
    return Integer.numberOfTrailingZeros(mask);
  }

  private static String lanes(int mask) {
    StringJoiner lanes = new StringJoiner(" ");
    for (int lane = 0; lane < LANES; lane++) {
      if ((mask >>> lane & 1) != 0) {
        int first = lane;
        while (lane + 1 < LANES && (mask >>> (lane + 1) & 1) != 0) {
          lane++;
        }
        lanes.add(first == lane ? "" + lane : first + "-" + lane);
      }
    }
    return lanes.length() == 0 ? "none" : lanes.toString();
  }

  String thread(long stamp) {
    return "thread " + cta.threadName(Stamp.warp(stamp) * LANES + Stamp.lane(stamp));
  }

  String cta(long stamp) {
    return "CTA " + cta.nameOf(Stamp.serial(stamp));
  }

  Fault fault(Fault.Kind kind, int lane, String what) {
    return new Fault(
        kind,
        "kernel %s, CTA %s, thread %s: %s; %s"
            .formatted(
                kernel.name(),
                cta.nameOf(serial),
                cta.threadName(index * LANES + lane),
                what,
                kernel.code[current].site));
  }
}
