package dev.coffey.kernels.cuda.ptx;

/// Instructions that decide what is executed next, and by whom.
final class Control {
  private Control() {}

  static final class Branch extends Instruction {
    private final int target;

    Branch(Site site, int target) {
      super(site);
      this.target = target;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.branch(mask, target);
    }
  }

  /// `brx.idx`: to one of several places, by number.
  static final class IndexedBranch extends Instruction {
    private final int index;
    private final int[] targets;

    IndexedBranch(Site site, int index, int[] targets) {
      super(site);
      this.index = index;
      this.targets = targets.clone();
    }

    @Override
    void execute(Warp warp, int mask) {
      int[] chosen = new int[Warp.LANES];
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        int number = warp.words[index + lane];
        if (number < 0 || number >= targets.length) {
          throw warp.fault(
              Fault.Kind.OUT_OF_BOUNDS, lane, "branch " + number + " of " + targets.length);
        }
        chosen[lane] = targets[number];
      }
      warp.branchEach(mask, chosen);
    }
  }

  static final class Exit extends Instruction {
    Exit(Site site) {
      super(site);
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.exit(mask);
    }
  }

  static final class Trap extends Instruction {
    Trap(Site site) {
      super(site);
    }

    @Override
    void execute(Warp warp, int mask) {
      throw warp.fault(Fault.Kind.UNSUPPORTED, Warp.firstLane(mask), "trap");
    }
  }

  /// Fences, prefetches: what changes nothing here.
  static final class Nothing extends Instruction {
    Nothing(Site site) {
      super(site);
    }

    @Override
    void execute(Warp warp, int mask) {}
  }

  /// `bar.sync`: `threads` is 0 for the whole CTA.
  static final class Barrier extends Instruction {
    private final int barrier;
    private final int threads;

    Barrier(Site site, int barrier, int threads) {
      super(site);
      this.barrier = barrier;
      this.threads = threads;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.requireMembers(mask, Warp.ALL);
      warp.waitAt(barrier, threads);
    }
  }

  /// `bar.warp.sync`
  static final class WarpBarrier extends Instruction {
    private final int members;

    WarpBarrier(Site site, int members) {
      super(site);
      this.members = members;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        warp.requireMembers(mask, warp.words[members + Warp.firstLane(lanes)]);
      }
      warp.synchronizeLanes();
    }
  }

  static final class CommitCopies extends Instruction {
    CommitCopies(Site site) {
      super(site);
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.copies.commit(mask);
    }
  }

  /// `cp.async.wait_group`; `allowed` is -1 for `wait_all`.
  static final class AwaitCopies extends Instruction {
    private final int allowed;

    AwaitCopies(Site site, int allowed) {
      super(site);
      this.allowed = allowed;
    }

    @Override
    void execute(Warp warp, int mask) {
      if (allowed < 0) {
        warp.copies.awaitAll(mask);
      } else {
        warp.copies.await(mask, allowed);
      }
    }
  }
}
