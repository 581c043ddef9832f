package dev.coffey.kernels.cpu;

import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/// How many lanes the SIMD backend computes with.
///
/// The JIT compiles vector code well only if it sees the species as a constant. It does here
/// although the species is an instance's: as long as one of the subclasses below is the only one in
/// use, the JIT replaces the call of [#species()] by its constant (0.13 ns per fused multiply-add
/// and element, as with a `static final`). In a test that uses several, all are right and slow. So
/// there is no enum of them: it would load all.
abstract class VectorShape {
  private boolean plain;

  private VectorShape() {}

  /// Whether the vector loops are passed over for now, in favour of loops over arrays that compute
  /// the same bits ([PlainTile], [PlainRows]). A vector is fast only in code that C2 has compiled,
  /// which takes seconds from the JVM's start; before that each of its operations allocates and
  /// takes microseconds, while a loop over arrays is fast enough to serve as soon as C1 has seen
  /// it.
  ///
  /// Any thread may read it and one changes it: who sees the change late computes the same, slower.
  final boolean plain() {
    return plain;
  }

  final void setPlain(boolean plain) {
    this.plain = plain;
  }

  /// The species, to be read into a local variable at the head of each vector loop.
  abstract VectorSpecies<Float> species();

  /// For a person: "AVX2, 8 lanes".
  abstract String description();

  final int lanes() {
    return species().length();
  }

  /// The rows of the tallest [ProductTile] whose accumulators stay in the registers: AVX2 has 16
  /// vector registers, AVX-512 and NEON have 32, more than the tallest tile needs.
  final int tileRows() {
    return lanes() == 8 ? 6 : 8;
  }

  /// The widest that this machine computes natively; none if it has no vectors of 128 bits.
  static Optional<VectorShape> preferred() {
    return ofLanes(FloatVector.SPECIES_PREFERRED.length());
  }

  /// The shape with this many fp32 lanes: 4, 8 or 16. One that the machine lacks computes the same,
  /// very slowly.
  static Optional<VectorShape> ofLanes(int lanes) {
    return switch (lanes) {
      case 4 -> Optional.of(new Bits128());
      case 8 -> Optional.of(new Bits256());
      case 16 -> Optional.of(new Bits512());
      default -> Optional.empty();
    };
  }

  private static final class Bits128 extends VectorShape {
    @Override
    VectorSpecies<Float> species() {
      return FloatVector.SPECIES_128;
    }

    @Override
    String description() {
      return "128-bit vectors (NEON, SSE), 4 lanes";
    }
  }

  private static final class Bits256 extends VectorShape {
    @Override
    VectorSpecies<Float> species() {
      return FloatVector.SPECIES_256;
    }

    @Override
    String description() {
      return "256-bit vectors (AVX2), 8 lanes";
    }
  }

  private static final class Bits512 extends VectorShape {
    @Override
    VectorSpecies<Float> species() {
      return FloatVector.SPECIES_512;
    }

    @Override
    String description() {
      return "512-bit vectors (AVX-512), 16 lanes";
    }
  }
}
