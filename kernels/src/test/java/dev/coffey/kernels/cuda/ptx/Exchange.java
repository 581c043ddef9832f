package dev.coffey.kernels.cuda.ptx;

/// Instructions by which the lanes of a warp see each other's registers.
final class Exchange {
  private Exchange() {}

  enum Shuffle {
    UP,
    DOWN,
    BFLY,
    IDX
  }

  enum Vote {
    ALL,
    ANY,
    UNI,
    BALLOT
  }

  /// `shfl.sync`
  static final class ShuffleLanes extends Instruction {
    private final Shuffle mode;
    private final int result;
    private final int inRange;
    private final int source;
    private final int distance;
    private final int clamp;
    private final int members;

    ShuffleLanes(
        Site site,
        Shuffle mode,
        int result,
        int inRange,
        int source,
        int distance,
        int clamp,
        int members) {
      super(site);
      this.mode = mode;
      this.result = result;
      this.inRange = inRange;
      this.source = source;
      this.distance = distance;
      this.clamp = clamp;
      this.members = members;
    }

    @Override
    void execute(Warp warp, int mask) {
      int[] words = warp.words;
      int valid = 0;
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        int lane = Warp.firstLane(lanes);
        warp.requireMembers(mask, words[members + lane]);
        int by = words[distance + lane] & 31;
        int bound = words[clamp + lane] & 31;
        int segment = words[clamp + lane] >>> 8 & 31;
        int first = lane & segment;
        int last = first | (bound & ~segment);
        int from =
            switch (mode) {
              case UP -> lane - by;
              case DOWN -> lane + by;
              case BFLY -> lane ^ by;
              case IDX -> first | (by & ~segment);
            };
        // For `up` the clamp is the lowest lane.
        boolean inSegment = mode == Shuffle.UP ? from >= last : from <= last;
        if (!inSegment) {
          from = lane;
        } else {
          valid |= 1 << lane;
        }
        if ((mask >>> from & 1) == 0) {
          throw warp.fault(
              Fault.Kind.DIVERGED, lane, "reads lane " + from + ", which doesn't execute this");
        }
        warp.wordResult[lane] = words[source + from];
      }
      warp.keepWords(result, mask);
      if (inRange >= 0) {
        warp.setPredicate(inRange, mask, valid);
      }
    }
  }

  /// `vote.sync`: the result is a word for `ballot`, else a predicate.
  static final class VoteLanes extends Instruction {
    private final Vote mode;
    private final int result;
    private final int predicate;
    private final boolean negated;
    private final int members;

    VoteLanes(Site site, Vote mode, int result, int predicate, boolean negated, int members) {
      super(site);
      this.mode = mode;
      this.result = result;
      this.predicate = predicate;
      this.negated = negated;
      this.members = members;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int lanes = mask; lanes != 0; lanes &= lanes - 1) {
        warp.requireMembers(mask, warp.words[members + Warp.firstLane(lanes)]);
      }
      int votes = (negated ? ~warp.predicates[predicate] : warp.predicates[predicate]) & mask;
      switch (mode) {
        case ALL -> warp.setPredicate(result, mask, votes == mask ? Warp.ALL : 0);
        case ANY -> warp.setPredicate(result, mask, votes != 0 ? Warp.ALL : 0);
        case UNI -> warp.setPredicate(result, mask, votes == mask || votes == 0 ? Warp.ALL : 0);
        case BALLOT -> {
          for (int lane = 0; lane < Warp.LANES; lane++) {
            warp.wordResult[lane] = votes;
          }
          warp.keepWords(result, mask);
        }
      }
    }
  }

  /// `activemask`
  static final class ActiveMask extends Instruction {
    private final int result;

    ActiveMask(Site site, int result) {
      super(site);
      this.result = result;
    }

    @Override
    void execute(Warp warp, int mask) {
      for (int lane = 0; lane < Warp.LANES; lane++) {
        warp.wordResult[lane] = mask;
      }
      warp.keepWords(result, mask);
    }
  }

  /// `redux.sync`
  static final class Reduce extends Instruction {
    private final Lanewise.Words function;
    private final int result;
    private final int source;
    private final int members;

    Reduce(Site site, Lanewise.Words function, int result, int source, int members) {
      super(site);
      this.function = function;
      this.result = result;
      this.source = source;
      this.members = members;
    }

    @Override
    void execute(Warp warp, int mask) {
      int first = Warp.firstLane(mask);
      warp.requireMembers(mask, warp.words[members + first]);
      int value = warp.words[source + first];
      for (int lanes = mask & mask - 1; lanes != 0; lanes &= lanes - 1) {
        value = function.apply(value, warp.words[source + Warp.firstLane(lanes)], 0);
      }
      for (int lane = 0; lane < Warp.LANES; lane++) {
        warp.wordResult[lane] = value;
      }
      warp.keepWords(result, mask);
    }
  }
}
