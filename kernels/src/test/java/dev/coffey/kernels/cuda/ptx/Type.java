package dev.coffey.kernels.cuda.ptx;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// The types that PTX instructions name.
enum Type {
  PRED(1, Kind.BITS),
  B8(8, Kind.BITS),
  U8(8, Kind.UNSIGNED),
  S8(8, Kind.SIGNED),
  B16(16, Kind.BITS),
  U16(16, Kind.UNSIGNED),
  S16(16, Kind.SIGNED),
  F16(16, Kind.FLOAT),
  BF16(16, Kind.FLOAT),
  B32(32, Kind.BITS),
  U32(32, Kind.UNSIGNED),
  S32(32, Kind.SIGNED),
  F32(32, Kind.FLOAT),
  TF32(32, Kind.FLOAT),
  F16X2(32, Kind.FLOAT),
  BF16X2(32, Kind.FLOAT),
  B64(64, Kind.BITS),
  U64(64, Kind.UNSIGNED),
  S64(64, Kind.SIGNED),
  F64(64, Kind.FLOAT);

  enum Kind {
    BITS,
    UNSIGNED,
    SIGNED,
    FLOAT
  }

  final int bits;
  final Kind kind;

  Type(int bits, Kind kind) {
    this.bits = bits;
    this.kind = kind;
  }

  int bytes() {
    return Math.max(1, bits / 8);
  }

  boolean isSigned() {
    return kind == Kind.SIGNED;
  }

  /// The type of that name, without the dot; null if it is none.
  static @Nullable Type of(String name) {
    for (Type type : values()) {
      if (type.name().toLowerCase(Locale.ROOT).equals(name)) {
        return type;
      }
    }
    return null;
  }

  /// Where values of this type are kept.
  Operand.File file() {
    if (this == PRED) {
      return Operand.File.PREDICATE;
    }
    return bits == 64 ? Operand.File.LONG : Operand.File.WORD;
  }
}
