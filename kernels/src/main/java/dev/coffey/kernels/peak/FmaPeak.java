package dev.coffey.kernels.peak;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// The most fused multiply-adds that one core does: in registers, 12 chains, which is more than the
/// 8 to 10 that two units of 4 to 5 cycles' latency keep busy.
public final class FmaPeak {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int CHAINS = 12;
  private static final int STEPS = 20_000;

  /// Keeps the JIT from dropping the work.
  @SuppressWarnings("UnusedVariable")
  private static volatile float sink;

  private FmaPeak() {}

  /// Computes for about 0.1 ms; returns how many floating-point operations it did.
  public static long run() {
    FloatVector x = FloatVector.broadcast(SPECIES, 1e-9f);
    FloatVector y = FloatVector.broadcast(SPECIES, 1f);
    FloatVector a0 = x;
    FloatVector a1 = x.add(1f);
    FloatVector a2 = x.add(2f);
    FloatVector a3 = x.add(3f);
    FloatVector a4 = x.add(4f);
    FloatVector a5 = x.add(5f);
    FloatVector a6 = x.add(6f);
    FloatVector a7 = x.add(7f);
    FloatVector a8 = x.add(8f);
    FloatVector a9 = x.add(9f);
    FloatVector a10 = x.add(10f);
    FloatVector a11 = x.add(11f);
    long left = STEPS;
    do {
      a0 = x.fma(y, a0);
      a1 = x.fma(y, a1);
      a2 = x.fma(y, a2);
      a3 = x.fma(y, a3);
      a4 = x.fma(y, a4);
      a5 = x.fma(y, a5);
      a6 = x.fma(y, a6);
      a7 = x.fma(y, a7);
      a8 = x.fma(y, a8);
      a9 = x.fma(y, a9);
      a10 = x.fma(y, a10);
      a11 = x.fma(y, a11);
      // The mask keeps this from being a counted loop, which C2 would unroll: then four FMAs of one
      // chain stand in a row, and the scheduler of the core sees half of the peak.
      left = (left - 1) & 0xff_ffff_ffffL;
    } while (left != 0);
    sink =
        a0.add(a1)
            .add(a2)
            .add(a3)
            .add(a4)
            .add(a5)
            .add(a6)
            .add(a7)
            .add(a8)
            .add(a9)
            .add(a10)
            .add(a11)
            .lane(0);
    return 2L * STEPS * CHAINS * SPECIES.length();
  }
}
