package dev.coffey.kernels.cuda.ptx;

/// Who used some bytes last, and when, in one number: the CTA's serial number (32 bits, 0: nobody),
/// warp (5), the warp's clock (20), lane (5), and two bits of kind.
final class Stamp {
  /// Written by the host, before all CTAs.
  static final long HOST = 1L << 32;

  /// The first serial number that a CTA may have.
  static final long FIRST_SERIAL = 2;

  /// Of a write: a `cp.async` that is not done.
  static final int PENDING = 1;

  /// Of a read: several lanes of this warp at this clock.
  static final int LANES = 1;

  /// Of a read: several warps of this CTA. The clock is then the number of the CTA's barriers.
  static final int WARPS = 2;

  /// Of a read: several CTAs of one launch.
  static final int CTAS = 3;

  static final int MAX_CLOCK = (1 << 20) - 1;

  private Stamp() {}

  static long of(long serial, int warp, int clock) {
    return serial << 32 | (long) warp << 27 | (long) clock << 7;
  }

  static long lane(long stamp, int lane) {
    return stamp | (long) lane << 2;
  }

  static long serial(long stamp) {
    return stamp >>> 32;
  }

  static int warp(long stamp) {
    return (int) stamp >>> 27;
  }

  static int clock(long stamp) {
    return (int) stamp >>> 7 & MAX_CLOCK;
  }

  static int lane(long stamp) {
    return (int) stamp >>> 2 & 31;
  }

  static int kind(long stamp) {
    return (int) stamp & 3;
  }
}
