package dev.coffey.kernels.cuda.ptx;

import static dev.coffey.kernels.cuda.ptx.Numbers.bits;
import static dev.coffey.kernels.cuda.ptx.Numbers.single;

import dev.coffey.kernels.cuda.ptx.Numbers.Rounding;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/// What the arithmetic instructions compute, by name and type. A method returns null where it has
/// no such instruction.
final class Functions {
  private Functions() {}

  /// Integers of up to 32 bits. Words hold the bits of a narrower number and zeros.
  static Lanewise.@Nullable Words integer(String name, List<String> modifiers, Type type) {
    boolean high = modifiers.contains("hi");
    if (type.bits == 16) {
      Lanewise.Words wide = high ? null : integer32(name, false, type.isSigned());
      if (wide == null) {
        return null;
      }
      return type.isSigned()
          ? (a, b, c) -> wide.apply((short) a, (short) b, (short) c) & 0xFFFF
          : (a, b, c) -> wide.apply(a, b, c) & 0xFFFF;
    }
    return type.bits == 32 ? integer32(name, high, type.isSigned()) : null;
  }

  private static Lanewise.@Nullable Words integer32(String name, boolean high, boolean signed) {
    return switch (name) {
      case "add" -> (a, b, _) -> a + b;
      case "sub" -> (a, b, _) -> a - b;
      case "mul" -> high ? multiplyHigh(signed) : (a, b, _) -> a * b;
      case "mad" -> {
        Lanewise.Words product = multiplyHigh(signed);
        yield high ? (a, b, c) -> product.apply(a, b, 0) + c : (a, b, c) -> a * b + c;
      }
      case "div" ->
          signed
              ? (a, b, _) -> b == 0 ? -1 : a / b
              : (a, b, _) -> b == 0 ? -1 : Integer.divideUnsigned(a, b);
      case "rem" ->
          signed
              ? (a, b, _) -> b == 0 ? -1 : a % b
              : (a, b, _) -> b == 0 ? -1 : Integer.remainderUnsigned(a, b);
      case "min" ->
          signed
              ? (a, b, _) -> Math.min(a, b)
              : (a, b, _) -> Integer.compareUnsigned(a, b) < 0 ? a : b;
      case "max" ->
          signed
              ? (a, b, _) -> Math.max(a, b)
              : (a, b, _) -> Integer.compareUnsigned(a, b) > 0 ? a : b;
      case "neg" -> (a, _, _) -> -a;
      case "abs" -> (a, _, _) -> Math.abs(a);
      case "mov" -> (a, _, _) -> a;
      case "and" -> (a, b, _) -> a & b;
      case "or" -> (a, b, _) -> a | b;
      case "xor" -> (a, b, _) -> a ^ b;
      case "not" -> (a, _, _) -> ~a;
      case "cnot" -> (a, _, _) -> a == 0 ? 1 : 0;
      case "shl" -> (a, b, _) -> Integer.compareUnsigned(b, 31) > 0 ? 0 : a << b;
      case "shr" ->
          signed
              ? (a, b, _) -> a >> (Integer.compareUnsigned(b, 31) > 0 ? 31 : b)
              : (a, b, _) -> Integer.compareUnsigned(b, 31) > 0 ? 0 : a >>> b;
      case "brev" -> (a, _, _) -> Integer.reverse(a);
      case "clz" -> (a, _, _) -> Integer.numberOfLeadingZeros(a);
      case "popc" -> (a, _, _) -> Integer.bitCount(a);
      case "bfe" -> (a, b, c) -> (int) extracted(signed ? a : a & 0xFFFF_FFFFL, 31, b, c, signed);
      case "prmt" -> Functions::permuted;
      default -> null;
    };
  }

  private static Lanewise.Words multiplyHigh(boolean signed) {
    return signed
        ? (a, b, _) -> (int) (((long) a * b) >> 32)
        : (a, b, _) -> (int) (((a & 0xFFFF_FFFFL) * (b & 0xFFFF_FFFFL)) >>> 32);
  }

  /// The `length` bits from `position` on; beyond the highest bit `top` the sign.
  private static long extracted(long value, int top, int position, int length, boolean signed) {
    int from = position & 0xFF;
    int count = length & 0xFF;
    if (count == 0) {
      return 0;
    }
    if (!signed) {
      long shifted = from > top ? 0 : value >>> from;
      return count > top ? shifted : shifted & (1L << count) - 1;
    }
    long shifted = value >> Math.min(from, 63);
    return count > top ? shifted : shifted << (64 - count) >> (64 - count);
  }

  /// `prmt` without a mode: each result byte is one of the eight of `b:a`, or its sign.
  private static int permuted(int a, int b, int selectors) {
    long source = (a & 0xFFFF_FFFFL) | ((long) b << 32);
    int result = 0;
    for (int i = 0; i < 4; i++) {
      int selector = (selectors >>> (4 * i)) & 15;
      int value = (int) (source >>> (8 * (selector & 7))) & 0xFF;
      if (selector > 7) {
        value = value > 127 ? 0xFF : 0;
      }
      result |= value << (8 * i);
    }
    return result;
  }

  /// `lop3`: bit by bit what `table` says of the three bits.
  static Lanewise.Words logic(int table) {
    return (a, b, c) -> {
      int result = 0;
      for (int i = 0; i < 8; i++) {
        if ((table >>> i & 1) != 0) {
          result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
        }
      }
      return result;
    };
  }

  /// `shf`: a shift of `b:a`.
  static Lanewise.Words funnel(boolean left, boolean wraps) {
    return (a, b, c) -> {
      int by = wraps ? c & 31 : Integer.compareUnsigned(c, 32) > 0 ? 32 : c;
      long both = ((long) b << 32) | (a & 0xFFFF_FFFFL);
      return left ? (int) (both << by >>> 32) : (int) (both >>> by);
    };
  }

  /// `bfi` with a constant place: `a`'s low bits in `b`.
  static Lanewise.Words insertion(int position, int length) {
    int count = Math.min(length & 0xFF, 32);
    long field = ((1L << count) - 1) << (position & 0xFF);
    int mask = (position & 0xFF) > 31 ? 0 : (int) field;
    return (a, b, _) -> (b & ~mask) | ((a << position) & mask);
  }

  static Lanewise.@Nullable Longs integer64(String name, List<String> modifiers, boolean signed) {
    boolean high = modifiers.contains("hi");
    return switch (name) {
      case "add" -> (a, b, _) -> a + b;
      case "sub" -> (a, b, _) -> a - b;
      case "mul" ->
          high
              ? signed
                  ? (a, b, _) -> Math.multiplyHigh(a, b)
                  : (a, b, _) -> Math.unsignedMultiplyHigh(a, b)
              : (a, b, _) -> a * b;
      case "mad" -> high ? null : (a, b, c) -> a * b + c;
      case "div" ->
          signed
              ? (a, b, _) -> b == 0 ? -1 : a / b
              : (a, b, _) -> b == 0 ? -1 : Long.divideUnsigned(a, b);
      case "rem" ->
          signed
              ? (a, b, _) -> b == 0 ? -1 : a % b
              : (a, b, _) -> b == 0 ? -1 : Long.remainderUnsigned(a, b);
      case "min" ->
          signed
              ? (a, b, _) -> Math.min(a, b)
              : (a, b, _) -> Long.compareUnsigned(a, b) < 0 ? a : b;
      case "max" ->
          signed
              ? (a, b, _) -> Math.max(a, b)
              : (a, b, _) -> Long.compareUnsigned(a, b) > 0 ? a : b;
      case "neg" -> (a, _, _) -> -a;
      case "abs" -> (a, _, _) -> Math.abs(a);
      case "mov" -> (a, _, _) -> a;
      case "and" -> (a, b, _) -> a & b;
      case "or" -> (a, b, _) -> a | b;
      case "xor" -> (a, b, _) -> a ^ b;
      case "not" -> (a, _, _) -> ~a;
      default -> null;
    };
  }

  static Lanewise.@Nullable Shift shift64(String name, boolean signed) {
    return switch (name) {
      case "shl" -> (a, b) -> Integer.compareUnsigned(b, 63) > 0 ? 0 : a << b;
      case "shr" ->
          signed
              ? (a, b) -> a >> (Integer.compareUnsigned(b, 63) > 0 ? 63 : b)
              : (a, b) -> Integer.compareUnsigned(b, 63) > 0 ? 0 : a >>> b;
      default -> null;
    };
  }

  static Rounding rounding(List<String> modifiers) {
    if (modifiers.contains("rz") || modifiers.contains("rzi")) {
      return Rounding.ZERO;
    }
    if (modifiers.contains("rm") || modifiers.contains("rmi")) {
      return Rounding.DOWN;
    }
    if (modifiers.contains("rp") || modifiers.contains("rpi")) {
      return Rounding.UP;
    }
    return Rounding.NEAREST_EVEN;
  }

  static Lanewise.@Nullable Words single32(String name, List<String> modifiers) {
    Lanewise.Words exact = singleWithoutFlush(name, modifiers);
    if (exact == null) {
      return null;
    }
    Lanewise.Words saturated =
        modifiers.contains("sat")
            ? (a, b, c) -> bits(Numbers.saturated(single(exact.apply(a, b, c))))
            : exact;
    return modifiers.contains("ftz")
        ? (a, b, c) ->
            Numbers.flushed(
                saturated.apply(Numbers.flushed(a), Numbers.flushed(b), Numbers.flushed(c)))
        : saturated;
  }

  private static Lanewise.@Nullable Words singleWithoutFlush(String name, List<String> modifiers) {
    Rounding rounding = rounding(modifiers);
    boolean nearest = rounding == Rounding.NEAREST_EVEN;
    boolean approximate = modifiers.contains("approx") || modifiers.contains("full");
    boolean keepsNan = modifiers.contains("NaN");
    return switch (name) {
      case "add" ->
          nearest
              ? (a, b, _) -> bits(single(a) + single(b))
              : (a, b, _) -> bits(Numbers.add(single(a), single(b), rounding));
      case "sub" ->
          nearest
              ? (a, b, _) -> bits(single(a) - single(b))
              : (a, b, _) -> bits(Numbers.add(single(a), -single(b), rounding));
      case "mul" ->
          nearest
              ? (a, b, _) -> bits(single(a) * single(b))
              : (a, b, _) -> bits(Numbers.multiply(single(a), single(b), rounding));
      case "fma", "mad" ->
          nearest
              ? (a, b, c) -> bits(Math.fma(single(a), single(b), single(c)))
              : (a, b, c) -> bits(Numbers.fma(single(a), single(b), single(c), rounding));
      case "min" -> (a, b, _) -> bits(Numbers.min(single(a), single(b), keepsNan));
      case "max" -> (a, b, _) -> bits(Numbers.max(single(a), single(b), keepsNan));
      case "neg" -> (a, _, _) -> a ^ 0x8000_0000;
      case "abs" -> (a, _, _) -> a & 0x7FFF_FFFF;
      case "mov" -> (a, _, _) -> a;
      case "copysign" -> (a, b, _) -> (a & 0x8000_0000) | (b & 0x7FFF_FFFF);
      case "div" -> {
        if (approximate) {
          yield (a, b, _) -> bits(Approximations.quotient(single(a), single(b)));
        }
        yield nearest ? (a, b, _) -> bits(single(a) / single(b)) : null;
      }
      case "rcp" -> {
        if (approximate) {
          yield (a, _, _) -> bits(Approximations.reciprocal(single(a)));
        }
        yield nearest ? (a, _, _) -> bits(1 / single(a)) : null;
      }
      case "sqrt" -> {
        if (approximate) {
          yield (a, _, _) -> bits(Approximations.root(single(a)));
        }
        yield nearest ? (a, _, _) -> bits((float) Math.sqrt(single(a))) : null;
      }
      case "rsqrt" -> (a, _, _) -> bits(Approximations.reciprocalRoot(single(a)));
      case "ex2" -> (a, _, _) -> bits(Approximations.exp2(single(a)));
      case "lg2" -> (a, _, _) -> bits(Approximations.log2(single(a)));
      case "tanh" -> (a, _, _) -> bits(Approximations.tanh(single(a)));
      default -> null;
    };
  }

  static Lanewise.@Nullable Longs double64(String name, List<String> modifiers) {
    if (rounding(modifiers) != Rounding.NEAREST_EVEN || modifiers.contains("approx")) {
      return null;
    }
    return switch (name) {
      case "add" -> (a, b, _) -> raw(real(a) + real(b));
      case "sub" -> (a, b, _) -> raw(real(a) - real(b));
      case "mul" -> (a, b, _) -> raw(real(a) * real(b));
      case "fma", "mad" -> (a, b, c) -> raw(Math.fma(real(a), real(b), real(c)));
      case "div" -> (a, b, _) -> raw(real(a) / real(b));
      case "rcp" -> (a, _, _) -> raw(1 / real(a));
      case "sqrt" -> (a, _, _) -> raw(Math.sqrt(real(a)));
      case "neg" -> (a, _, _) -> raw(-real(a));
      case "abs" -> (a, _, _) -> raw(Math.abs(real(a)));
      case "mov" -> (a, _, _) -> a;
      default -> null;
    };
  }

  private static double real(long bits) {
    return Double.longBitsToDouble(bits);
  }

  private static long raw(double value) {
    return Double.doubleToRawLongBits(value);
  }

  /// fp16 and bf16, one or two a word.
  static Lanewise.@Nullable Words half(String name, List<String> modifiers, Type type) {
    boolean brain = type == Type.BF16 || type == Type.BF16X2;
    boolean pair = type == Type.F16X2 || type == Type.BF16X2;
    int mask = pair ? -1 : 0xFFFF;
    boolean keepsNan = modifiers.contains("NaN");
    if (modifiers.contains("sat") || modifiers.contains("ftz")) {
      return null;
    }
    DoubleBinaryOperator binary =
        switch (name) {
          case "add" -> (a, b) -> a + b;
          case "sub" -> (a, b) -> a - b;
          case "mul" -> (a, b) -> a * b;
          case "min" -> (a, b) -> Numbers.min((float) a, (float) b, keepsNan);
          case "max" -> (a, b) -> Numbers.max((float) a, (float) b, keepsNan);
          case "ex2" -> (a, _) -> Approximations.exp2((float) a);
          case "tanh" -> (a, _) -> Approximations.tanh((float) a);
          default -> null;
        };
    if (binary != null) {
      return (a, b, _) -> Numbers.pairwise(a, b, brain, binary) & mask;
    }
    return switch (name) {
      case "fma" -> {
        boolean rectified = modifiers.contains("relu");
        yield (a, b, c) -> {
          int low = fma(a, b, c, brain, rectified);
          int high = pair ? fma(a >>> 16, b >>> 16, c >>> 16, brain, rectified) : 0;
          return low | high << 16;
        };
      }
      case "neg" -> (a, _, _) -> a ^ (0x8000_8000 & mask);
      case "abs" -> (a, _, _) -> a & 0x7FFF_7FFF & mask;
      case "mov" -> (a, _, _) -> a;
      default -> null;
    };
  }

  private static int fma(int a, int b, int c, boolean brain, boolean rectified) {
    // The product is exact in double, and so is nearly every sum.
    double value =
        (double) Numbers.wide(a, brain) * Numbers.wide(b, brain) + Numbers.wide(c, brain);
    return Numbers.narrow(rectified && !(value > 0) ? 0 : value, brain);
  }

  static Lanewise.@Nullable WordTest compareWords(String comparison, Type type) {
    if (type.kind == Type.Kind.FLOAT) {
      LongDoubleTest test = compareReals(comparison);
      if (test == null) {
        return null;
      }
      return switch (type) {
        case F32 -> (a, b) -> test.test(single(a), single(b));
        case F16 -> (a, b) -> test.test(Numbers.ofHalf(a), Numbers.ofHalf(b));
        case BF16 -> (a, b) -> test.test(Numbers.ofBrain(a), Numbers.ofBrain(b));
        default -> null;
      };
    }
    Lanewise.LongTest test = compareLongs(comparison, type);
    if (test == null) {
      return null;
    }
    if (type.bits == 16) {
      return type.isSigned()
          ? (a, b) -> test.test((short) a, (short) b)
          : (a, b) -> test.test(a & 0xFFFF, b & 0xFFFF);
    }
    return type.isSigned()
        ? (a, b) -> test.test(a, b)
        : (a, b) -> test.test(a & 0xFFFF_FFFFL, b & 0xFFFF_FFFFL);
  }

  static Lanewise.@Nullable LongTest compareLongs(String comparison, Type type) {
    if (type.kind == Type.Kind.FLOAT) {
      LongDoubleTest test = compareReals(comparison);
      return test == null ? null : (a, b) -> test.test(real(a), real(b));
    }
    boolean signed = type.isSigned();
    return switch (comparison) {
      case "eq" -> (a, b) -> a == b;
      case "ne" -> (a, b) -> a != b;
      case "lt" -> signed ? (a, b) -> a < b : (a, b) -> Long.compareUnsigned(a, b) < 0;
      case "le" -> signed ? (a, b) -> a <= b : (a, b) -> Long.compareUnsigned(a, b) <= 0;
      case "gt" -> signed ? (a, b) -> a > b : (a, b) -> Long.compareUnsigned(a, b) > 0;
      case "ge" -> signed ? (a, b) -> a >= b : (a, b) -> Long.compareUnsigned(a, b) >= 0;
      case "lo" -> (a, b) -> Long.compareUnsigned(a, b) < 0;
      case "ls" -> (a, b) -> Long.compareUnsigned(a, b) <= 0;
      case "hi" -> (a, b) -> Long.compareUnsigned(a, b) > 0;
      case "hs" -> (a, b) -> Long.compareUnsigned(a, b) >= 0;
      default -> null;
    };
  }

  @FunctionalInterface
  private interface LongDoubleTest {
    boolean test(double a, double b);
  }

  /// Comparisons that end in `u` hold for NaN too.
  private static @Nullable LongDoubleTest compareReals(String comparison) {
    return switch (comparison) {
      case "eq" -> (a, b) -> a == b;
      case "ne" -> (a, b) -> a < b || a > b;
      case "lt" -> (a, b) -> a < b;
      case "le" -> (a, b) -> a <= b;
      case "gt" -> (a, b) -> a > b;
      case "ge" -> (a, b) -> a >= b;
      case "equ" -> (a, b) -> !(a < b || a > b);
      case "neu" -> (a, b) -> a != b;
      case "ltu" -> (a, b) -> !(a >= b);
      case "leu" -> (a, b) -> !(a > b);
      case "gtu" -> (a, b) -> !(a <= b);
      case "geu" -> (a, b) -> !(a < b);
      case "num" -> (a, b) -> !Double.isNaN(a) && !Double.isNaN(b);
      case "nan" -> (a, b) -> Double.isNaN(a) || Double.isNaN(b);
      default -> null;
    };
  }

  /// `cvt`: from bits to bits, both with zeros above.
  static @Nullable LongUnaryOperator conversion(Type to, Type from, List<String> modifiers) {
    Rounding rounding = rounding(modifiers);
    boolean flushes = modifiers.contains("ftz");
    boolean toFloat = to.kind == Type.Kind.FLOAT;
    boolean fromFloat = from.kind == Type.Kind.FLOAT;
    if (!toFloat && !fromFloat) {
      return modifiers.contains("sat") ? null : bits -> truncated(extended(bits, from), to);
    }
    if (!fromFloat) {
      return rounding == Rounding.NEAREST_EVEN
          ? bits -> encoded(extended(bits, from), from, to)
          : null;
    }
    if (!toFloat) {
      return bits -> toInteger(whole(decoded(flush(bits, from, flushes), from), rounding), to);
    }
    if (to == Type.TF32) {
      return modifiers.contains("rna") ? bits -> Numbers.tf32((int) bits) & 0xFFFF_FFFFL : null;
    }
    boolean toWhole =
        modifiers.contains("rni")
            || modifiers.contains("rzi")
            || modifiers.contains("rmi")
            || modifiers.contains("rpi");
    boolean saturates = modifiers.contains("sat");
    boolean rectifies = modifiers.contains("relu");
    if (to.bits < from.bits && rounding != Rounding.NEAREST_EVEN) {
      return to == Type.BF16 && rounding == Rounding.ZERO && from == Type.F32
          ? bits -> Numbers.brain(single((int) bits), Rounding.ZERO)
          : null;
    }
    return bits -> {
      double value = decoded(flush(bits, from, flushes), from);
      if (toWhole) {
        value = whole(value, rounding);
      }
      if (saturates) {
        value = value > 0 ? Math.min(value, 1) : 0;
      }
      if (rectifies && value < 0) {
        value = 0;
      }
      return flush(encoded(value, to), to, flushes);
    };
  }

  private static long flush(long bits, Type type, boolean flushes) {
    return flushes && type == Type.F32 ? Numbers.flushed((int) bits) & 0xFFFF_FFFFL : bits;
  }

  private static long extended(long bits, Type type) {
    int unused = Long.SIZE - type.bits;
    return type.isSigned() ? bits << unused >> unused : bits << unused >>> unused;
  }

  private static long truncated(long value, Type type) {
    int unused = Long.SIZE - type.bits;
    // A narrow number that is kept in a word fills the word with its sign.
    return type == Type.S8 ? value & 0xFFFF : value << unused >>> unused;
  }

  private static double decoded(long bits, Type type) {
    return switch (type) {
      case F16 -> Numbers.ofHalf((int) bits);
      case BF16 -> Numbers.ofBrain((int) bits);
      case F64 -> real(bits);
      default -> single((int) bits);
    };
  }

  private static long encoded(double value, Type type) {
    return switch (type) {
      case F16 -> Numbers.half(value);
      case BF16 -> Numbers.brain(value);
      case F64 -> raw(value);
      default -> bits((float) value) & 0xFFFF_FFFFL;
    };
  }

  private static long encoded(long value, Type from, Type to) {
    if (to == Type.F32) {
      float rounded = from == Type.U64 ? unsigned(value) : value;
      return bits(rounded) & 0xFFFF_FFFFL;
    }
    return encoded((double) value, to);
  }

  private static float unsigned(long value) {
    return value >= 0 ? value : (float) ((value >>> 1) | (value & 1)) * 2;
  }

  private static double whole(double value, Rounding rounding) {
    return switch (rounding) {
      case NEAREST_EVEN -> Math.rint(value);
      case ZERO -> value < 0 ? Math.ceil(value) : Math.floor(value);
      case DOWN -> Math.floor(value);
      case UP -> Math.ceil(value);
    };
  }

  /// Integers saturate; NaN becomes 0.
  private static long toInteger(double value, Type to) {
    if (to == Type.U64) {
      if (value >= 0x1p63) {
        return value >= 0x1p64 ? -1 : (long) (value - 0x1p63) ^ Long.MIN_VALUE;
      }
      return Math.max(0, (long) value);
    }
    if (to.isSigned()) {
      double limit = Math.scalb(1.0, to.bits - 1);
      return truncated((long) Math.max(-limit, Math.min(limit - 1, value)), to);
    }
    return (long) Math.max(0, Math.min(Math.scalb(1.0, to.bits) - 1, value));
  }
}
