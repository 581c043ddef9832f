package dev.coffey.kernels.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.math.BigDecimal;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Each instruction that computes a lane's result from the lane's operands, compared with Java.
class InstructionsTest {
  private static final int LANES = 32;
  private static final long LOW = 0xFFFF_FFFFL;

  @FunctionalInterface
  interface Expected {
    /// The two result words, the first one low.
    long of(int a, int b, int c);
  }

  @FunctionalInterface
  interface ExpectedSingle {
    float of(float a, float b, float c);
  }

  /// `ptx` computes `%r20` and perhaps `%r21` of `%r10`, `%r11`, `%r12`.
  record Case(String ptx, Expected expected, double relativeError) {
    @Override
    public String toString() {
      return ptx;
    }
  }

  private static Case word(String ptx, Expected expected) {
    return new Case(ptx, (a, b, c) -> expected.of(a, b, c) & LOW, 0);
  }

  /// `ptx` computes `%rd20`.
  private static Case wide(String ptx, Expected expected) {
    return new Case(ptx + " mov.b64 {%r20,%r21}, %rd20;", expected, 0);
  }

  private static Case single(String ptx, double relativeError, ExpectedSingle expected) {
    return new Case(
        "mov.b32 %f10, %r10; mov.b32 %f11, %r11; mov.b32 %f12, %r12; "
            + ptx
            + " mov.b32 %r20, %f20;",
        (a, b, c) ->
            Float.floatToIntBits(
                    expected.of(
                        Float.intBitsToFloat(a), Float.intBitsToFloat(b), Float.intBitsToFloat(c)))
                & LOW,
        relativeError);
  }

  private static Case single(String ptx, ExpectedSingle expected) {
    return single(ptx, 0, expected);
  }

  private static Case comparison(String ptx, Expected holds) {
    return word(ptx + " selp.u32 %r20, 1, 0, %p10;", (a, b, c) -> holds.of(a, b, c) != 0 ? 1 : 0);
  }

  static List<Case> integers() {
    return List.of(
        word("add.s32 %r20, %r10, %r11;", (a, b, _) -> a + b),
        word("sub.s32 %r20, %r10, -7;", (a, _, _) -> a + 7),
        word("mul.lo.s32 %r20, %r10, %r11;", (a, b, _) -> (long) a * b),
        word("mul.hi.s32 %r20, %r10, %r11;", (a, b, _) -> ((long) a * b) >> 32),
        word("mul.hi.u32 %r20, %r10, %r11;", (a, b, _) -> ((a & LOW) * (b & LOW)) >>> 32),
        word("mad.lo.s32 %r20, %r10, %r11, %r12;", (a, b, c) -> a * b + c),
        word(
            "mad.hi.u32 %r20, %r10, %r11, %r12;",
            (a, b, c) -> (((a & LOW) * (b & LOW)) >>> 32) + c),
        word("div.s32 %r20, %r10, 7;", (a, _, _) -> a / 7),
        word("div.u32 %r20, %r10, 7;", (a, _, _) -> (a & LOW) / 7),
        word("rem.u32 %r20, %r10, 1000;", (a, _, _) -> (a & LOW) % 1000),
        word("rem.s32 %r20, %r10, 1000;", (a, _, _) -> a % 1000),
        word("min.s32 %r20, %r10, %r11;", (a, b, _) -> Math.min(a, b)),
        word("min.u32 %r20, %r10, %r11;", (a, b, _) -> Math.min(a & LOW, b & LOW)),
        word("max.s32 %r20, %r10, %r11;", (a, b, _) -> Math.max(a, b)),
        word("max.u32 %r20, %r10, %r11;", (a, b, _) -> Math.max(a & LOW, b & LOW)),
        word("neg.s32 %r20, %r10;", (a, _, _) -> -a),
        word("abs.s32 %r20, %r10;", (a, _, _) -> Math.abs(a)),
        word("and.b32 %r20, %r10, %r11;", (a, b, _) -> a & b),
        word("or.b32 %r20, %r10, 0xF0;", (a, _, _) -> a | 0xF0),
        word("xor.b32 %r20, %r10, %r11;", (a, b, _) -> a ^ b),
        word("not.b32 %r20, %r10;", (a, _, _) -> ~a),
        word(
            "and.b32 %r13, %r11, 63; shl.b32 %r20, %r10, %r13;", (a, b, _) -> (long) a << (b & 63)),
        word(
            "and.b32 %r13, %r11, 63; shr.u32 %r20, %r10, %r13;",
            (a, b, _) -> (a & LOW) >>> (b & 63)),
        word(
            "and.b32 %r13, %r11, 63; shr.s32 %r20, %r10, %r13;", (a, b, _) -> (long) a >> (b & 63)),
        word("shf.l.wrap.b32 %r20, %r10, %r10, %r11;", (a, b, _) -> Integer.rotateLeft(a, b)),
        word("shf.r.wrap.b32 %r20, %r10, %r10, %r11;", (a, b, _) -> Integer.rotateRight(a, b)),
        word("shf.r.clamp.b32 %r20, %r10, %r11, 40;", (_, b, _) -> b),
        word("lop3.b32 %r20, %r10, %r11, %r12, 0x96;", (a, b, c) -> a ^ b ^ c),
        word("lop3.b32 %r20, %r10, %r11, %r12, 0xE8;", (a, b, c) -> (a & b) | (a & c) | (b & c)),
        word("lop3.b32 %r20, %r10, %r11, %r12, 0xCA;", (a, b, c) -> (a & b) | (~a & c)),
        word("prmt.b32 %r20, %r10, %r11, 0x5410;", (a, b, _) -> (a & 0xFFFF) | b << 16),
        word("prmt.b32 %r20, %r10, %r11, 0x7632;", (a, b, _) -> a >>> 16 | (b & 0xFFFF0000)),
        word(
            "prmt.b32 %r20, %r10, %r11, 0x888B;",
            (a, _, _) -> sign(a, 3) | sign(a, 0) * 0x1010100L),
        word("bfe.u32 %r20, %r10, 5, 9;", (a, _, _) -> a >>> 5 & 511),
        word("bfe.s32 %r20, %r10, 5, 9;", (a, _, _) -> a << 18 >> 23),
        word("bfi.b32 %r20, %r10, %r11, 4, 12;", (a, b, _) -> (b & ~0xFFF0) | (a << 4 & 0xFFF0)),
        word("brev.b32 %r20, %r10;", (a, _, _) -> Integer.reverse(a)),
        word("clz.b32 %r20, %r10;", (a, _, _) -> Integer.numberOfLeadingZeros(a)),
        word("popc.b32 %r20, %r10;", (a, _, _) -> Integer.bitCount(a)),
        word(
            "mov.b32 {%h10,%h11}, %r10; mul.wide.s16 %r20, %h10, %h11;",
            (a, _, _) -> (short) a * (a >> 16)),
        word(
            "cvt.u16.u32 %h10, %r10; cvt.u16.u32 %h11, %r11; add.s16 %h12, %h10, %h11;"
                + " cvt.s32.s16 %r20, %h12;",
            (a, b, _) -> (short) (a + b)),
        word(
            "cvt.u16.u32 %h10, %r10; shr.s16 %h12, %h10, 3; cvt.u32.u16 %r20, %h12;",
            (a, _, _) -> (short) a >> 3 & 0xFFFF),
        word(
            "cvt.u16.u32 %h10, %r10; min.s16 %h12, %h10, -5; cvt.s32.s16 %r20, %h12;",
            (a, _, _) -> Math.min((short) a, -5)),
        word("cvt.s32.s8 %r20, %r10;", (a, _, _) -> (byte) a),
        word("cvt.u32.u8 %r20, %r10;", (a, _, _) -> a & 0xFF),
        word(
            "mov.b32 {%h10,%h11}, %r10; mov.b32 %r20, {%h11,%h10};",
            (a, _, _) -> Integer.rotateLeft(a, 16)),
        wide("mul.wide.s32 %rd20, %r10, %r11;", (a, b, _) -> (long) a * b),
        wide("mul.wide.u32 %rd20, %r10, 12;", (a, _, _) -> (a & LOW) * 12),
        wide(
            "cvt.s64.s32 %rd10, %r12; mad.wide.s32 %rd20, %r10, %r11, %rd10;",
            (a, b, c) -> (long) a * b + c),
        wide("cvt.s64.s32 %rd20, %r10;", (a, _, _) -> a),
        wide("cvt.u64.u32 %rd20, %r10;", (a, _, _) -> a & LOW),
        wide("ld.global.s32 %rd20, [%rd5];", (a, _, _) -> a),
        wide("ld.global.s16 %rd20, [%rd5];", (a, _, _) -> (short) a),
        word("ld.global.s8 %r20, [%rd5+1];", (a, _, _) -> (byte) (a >> 8)),
        word("ld.global.u16 %r20, [%rd5+2];", (a, _, _) -> a >>> 16),
        wide("mov.b64 %rd10, {%r10,%r11}; add.s64 %rd20, %rd10, -3;", (a, b, _) -> pair(a, b) - 3),
        wide(
            "mov.b64 %rd10, {%r10,%r11}; shl.b64 %rd20, %rd10, 33;", (a, b, _) -> pair(a, b) << 33),
        wide("mov.b64 %rd10, {%r10,%r11}; shr.s64 %rd20, %rd10, 5;", (a, b, _) -> pair(a, b) >> 5),
        wide("mov.b64 %rd10, {%r10,%r11}; shr.u64 %rd20, %rd10, 70;", (_, _, _) -> 0),
        wide(
            "mov.b64 %rd10, {%r10,%r11}; mul.lo.s64 %rd11, %rd10, %rd10; and.b64 %rd20, %rd11, 0xFFF;",
            (a, b, _) -> pair(a, b) * pair(a, b) & 0xFFF),
        wide(
            "mov.b64 %rd10, {%r10,%r11}; min.s64 %rd20, %rd10, 0;",
            (a, b, _) -> Math.min(0, pair(a, b))),
        word("mov.b64 %rd10, {%r10,%r11}; cvt.u32.u64 %r20, %rd10;", (a, _, _) -> a),
        word(
            "mov.b64 %rd10, {%r10,%r11}; popc.b64 %r20, %rd10;",
            (a, b, _) -> Long.bitCount(pair(a, b))),
        comparison("setp.lt.s32 %p10, %r10, %r11;", (a, b, _) -> a < b ? 1 : 0),
        comparison("setp.lt.u32 %p10, %r10, %r11;", (a, b, _) -> (a & LOW) < (b & LOW) ? 1 : 0),
        comparison("setp.ne.s32 %p10, %r10, %r10;", (_, _, _) -> 0),
        comparison(
            "setp.lt.s32 %p11, %r10, 0; setp.gt.and.s32 %p10, %r11, 0, %p11;",
            (a, b, _) -> a < 0 && b > 0 ? 1 : 0),
        comparison(
            "setp.lt.s32 %p11, %r10, 0; setp.gt.or.s32 %p12|%p10, %r11, 0, !%p11;",
            (a, b, _) -> !(b > 0) || !(a < 0) ? 1 : 0),
        comparison(
            "mov.b64 %rd10, {%r10,%r11}; setp.gt.s64 %p10, %rd10, 5;",
            (a, b, _) -> pair(a, b) > 5 ? 1 : 0),
        comparison(
            "setp.lt.s32 %p11, %r10, 0; setp.lt.s32 %p12, %r11, 0; xor.pred %p13, %p11, %p12; not.pred %p10, %p13;",
            (a, b, _) -> a < 0 == b < 0 ? 1 : 0),
        word(
            "mov.u32 %r20, 5; setp.lt.s32 %p10, %r10, 0; @%p10 mov.u32 %r20, %r11;",
            (a, b, _) -> a < 0 ? b : 5),
        word(
            "mov.u32 %r20, 5; setp.lt.s32 %p10, %r10, 0; @!%p10 add.s32 %r20, %r11, 1;",
            (a, b, _) -> a < 0 ? 5 : b + 1),
        wide(
            "setp.lt.s32 %p10, %r10, 0; mov.b64 %rd10, {%r10,%r11}; selp.b64 %rd20, %rd10, 9, %p10;",
            (a, b, _) -> a < 0 ? pair(a, b) : 9));
  }

  static List<Case> reals() {
    return List.of(
        single("add.f32 %f20, %f10, %f11;", (a, b, _) -> a + b),
        single("sub.rn.f32 %f20, %f10, 0f3F800000;", (a, _, _) -> a - 1),
        single("mul.f32 %f20, %f10, %f11;", (a, b, _) -> a * b),
        single("fma.rn.f32 %f20, %f10, %f11, %f12;", (a, b, c) -> Math.fma(a, b, c)),
        single("fma.rm.f32 %f20, %f10, %f11, %f12;", InstructionsTest::fmaDown),
        single("fma.rp.f32 %f20, %f10, %f11, %f12;", (a, b, c) -> -fmaDown(-a, b, -c)),
        single("div.rn.f32 %f20, %f10, %f11;", (a, b, _) -> a / b),
        single("rcp.rn.f32 %f20, %f10;", (a, _, _) -> 1 / a),
        single(
            "abs.f32 %f11, %f10; sqrt.rn.f32 %f20, %f11;",
            (a, _, _) -> (float) Math.sqrt(Math.abs(a))),
        single("neg.f32 %f20, %f10;", (a, _, _) -> -a),
        single("min.f32 %f20, %f10, %f11;", (a, b, _) -> Math.min(a, b)),
        single("max.f32 %f20, %f10, %f11;", (a, b, _) -> Math.max(a, b)),
        single("max.f32 %f20, %f10, 0f7FC00000;", (a, _, _) -> a),
        single("max.NaN.f32 %f20, %f10, 0f7FC00000;", (_, _, _) -> Float.NaN),
        single("copysign.f32 %f20, %f10, %f11;", (a, b, _) -> Math.copySign(b, a)),
        single("add.sat.f32 %f20, %f10, %f11;", (a, b, _) -> Math.clamp(a + b, 0, 1)),
        single(
            "mul.ftz.f32 %f11, %f10, 0f00800000; mul.f32 %f20, %f11, 0f7E800000;",
            (a, _, _) -> Math.abs(a) < 1 ? 0 * a : a),
        single("ex2.approx.ftz.f32 %f20, %f10;", 0x1p-22, (a, _, _) -> (float) Math.pow(2, a)),
        single("rcp.approx.ftz.f32 %f20, %f10;", 0x1p-22, (a, _, _) -> 1 / a),
        single(
            "abs.f32 %f11, %f10; rsqrt.approx.f32 %f20, %f11;",
            0x1p-22, (a, _, _) -> (float) (1 / Math.sqrt(Math.abs(a)))),
        single(
            "abs.f32 %f11, %f10; add.f32 %f11, %f11, 0f40400000; lg2.approx.f32 %f20, %f11;",
            0x1p-21, (a, _, _) -> (float) (Math.log(Math.abs(a) + 3) / Math.log(2))),
        single("tanh.approx.f32 %f20, %f10;", 0x1p-10, (a, _, _) -> (float) Math.tanh(a)),
        single("div.full.f32 %f20, %f10, %f11;", 0x1p-22, (a, b, _) -> a / b),
        single("cvt.rni.f32.f32 %f20, %f10;", (a, _, _) -> (float) Math.rint(a)),
        single("cvt.rmi.f32.f32 %f20, %f10;", (a, _, _) -> (float) Math.floor(a)),
        single(
            "cvt.rzi.s32.f32 %r13, %f10; cvt.rn.f32.s32 %f20, %r13;", (a, _, _) -> (float) (int) a),
        single("cvt.sat.f32.f32 %f20, %f10;", (a, _, _) -> Math.clamp(a, 0, 1)),
        single("cvt.rn.f16.f32 %h10, %f10; cvt.f32.f16 %f20, %h10;", (a, _, _) -> half(a)),
        single("cvt.rn.bf16.f32 %h10, %f10; mov.b32 %f20, {0, %h10};", (a, _, _) -> brain(a)),
        single(
            "cvt.rna.tf32.f32 %r13, %f10; mov.b32 %f20, %r13;",
            (a, _, _) -> Float.intBitsToFloat(Float.floatToIntBits(a) + 0x1000 & ~0x1FFF)),
        single(
            "cvt.f64.f32 %fd10, %f10; mul.f64 %fd11, %fd10, 0d4008000000000000; cvt.rn.f32.f64 %f20, %fd11;",
            (a, _, _) -> (float) (a * 3.0)),
        word(
            "mov.b32 %f10, %r10; cvt.rn.f32.u32 %f20, %r10; mov.b32 %r20, %f20;",
            (a, _, _) -> Float.floatToIntBits((float) (a & LOW))),
        word(
            "mov.b32 %f10, %r10; mov.b32 %f11, %r11; cvt.rn.f16x2.f32 %r20, %f10, %f11;",
            (a, b, _) ->
                (Float.floatToFloat16(Float.intBitsToFloat(b)) & 0xFFFF)
                    | Float.floatToFloat16(Float.intBitsToFloat(a)) << 16),
        comparison("mov.b32 %f10, %r10; setp.geu.f32 %p10, %f10, 0f7FC00000;", (_, _, _) -> 1),
        comparison("mov.b32 %f10, %r10; setp.ge.f32 %p10, %f10, 0f7FC00000;", (_, _, _) -> 0),
        comparison(
            "mov.b32 %f10, %r10; mov.b32 %f11, %r11; setp.gt.f32 %p10, %f10, %f11;",
            (a, b, _) -> Float.intBitsToFloat(a) > Float.intBitsToFloat(b) ? 1 : 0),
        halves("add.f16 %h20, %h10, %h11;", (a, b, _) -> half(a + b)),
        halves("mul.f16 %h20, %h10, %h11;", (a, b, _) -> half(a * b)),
        halves("fma.rn.f16 %h20, %h10, %h11, %h12;", (a, b, c) -> half(Math.fma(a, b, c))),
        halves("max.f16 %h20, %h10, %h11;", (a, b, _) -> Math.max(a, b)),
        halves("neg.f16 %h20, %h10;", (a, _, _) -> -a),
        pairs("add.f16x2 %r20, %r10, %r11;", (a, b, _) -> half(a + b)),
        pairs("fma.rn.f16x2 %r20, %r10, %r11, %r12;", (a, b, c) -> half(Math.fma(a, b, c))));
  }

  /// `ptx` computes `%h20` of the fp16 `%h10`, `%h11`, `%h12`.
  private static Case halves(String ptx, ExpectedSingle expected) {
    return new Case(
        "cvt.u16.u32 %h10, %r10; cvt.u16.u32 %h11, %r11; cvt.u16.u32 %h12, %r12; "
            + ptx
            + " cvt.u32.u16 %r20, %h20;",
        (a, b, c) -> ofHalves(a, b, c, expected),
        0);
  }

  private static Case pairs(String ptx, ExpectedSingle expected) {
    return new Case(
        ptx,
        (a, b, c) ->
            ofHalves(a, b, c, expected) | ofHalves(a >> 16, b >> 16, c >> 16, expected) << 16,
        0);
  }

  private static long ofHalves(int a, int b, int c, ExpectedSingle expected) {
    float result =
        expected.of(
            Float.float16ToFloat((short) a),
            Float.float16ToFloat((short) b),
            Float.float16ToFloat((short) c));
    return Float.floatToFloat16(result) & 0xFFFFL;
  }

  private static float half(float value) {
    return Float.float16ToFloat(Float.floatToFloat16(value));
  }

  private static float brain(float value) {
    int bits = Float.floatToIntBits(value);
    float low = Float.intBitsToFloat(bits & 0xFFFF0000);
    float high = Float.intBitsToFloat((bits & 0xFFFF0000) + 0x10000);
    double below = Math.abs((double) value - low);
    double above = Math.abs((double) high - value);
    return below < above || (below == above && (bits & 0x10000) == 0) ? low : high;
  }

  private static float fmaDown(float a, float b, float c) {
    BigDecimal exact = new BigDecimal(a).multiply(new BigDecimal(b)).add(new BigDecimal(c));
    float nearest = exact.floatValue();
    return new BigDecimal(nearest).compareTo(exact) > 0 ? Math.nextDown(nearest) : nearest;
  }

  private static long sign(int a, int index) {
    return (byte) (a >> (8 * index)) < 0 ? 0xFF : 0;
  }

  private static long pair(int low, int high) {
    return (low & LOW) | (long) high << 32;
  }

  // Breaks if an instruction computes something else, or a guard is not obeyed.
  @ParameterizedTest
  @MethodSource("integers")
  void integer_anyBits_isWhatJavaComputes(Case instruction) {
    SplittableRandom random = new SplittableRandom(7);
    int[] in = random.ints(3 * LANES).toArray();
    int[] edges = {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 32};
    for (int i = 0; i < edges.length; i++) {
      in[3 * i] = edges[i];
      in[3 * i + 1] = edges[edges.length - 1 - i];
    }
    check(instruction, in);
  }

  // Breaks if a rounding is another, or an approximation is worse than NVIDIA says.
  @ParameterizedTest
  @MethodSource("reals")
  void real_anyNumbers_isWhatJavaComputes(Case instruction) {
    SplittableRandom random = new SplittableRandom(8);
    boolean halves = instruction.ptx().contains("f16") && !instruction.ptx().contains("f32");
    int[] in = new int[3 * LANES];
    for (int i = 0; i < in.length; i++) {
      float value = (float) random.nextDouble(-4, 4);
      int half = Float.floatToFloat16(value) & 0xFFFF;
      in[i] =
          halves
              ? half | (Float.floatToFloat16((float) random.nextDouble(-4, 4)) << 16)
              : Float.floatToIntBits(value);
    }
    check(instruction, in);
  }

  private static void check(Case instruction, int[] in) {
    int[] out =
        new TestKernel(
                """
                mad.lo.u32 %%r6, %%r1, 12, 0;
                cvt.u64.u32 %%rd5, %%r6;
                add.s64 %%rd5, %%rd1, %%rd5;
                ld.global.u32 %%r10, [%%rd5];
                ld.global.u32 %%r11, [%%rd5+4];
                ld.global.u32 %%r12, [%%rd5+8];
                mov.u32 %%r21, 0;
                %s
                mul.wide.u32 %%rd5, %%r1, 8;
                add.s64 %%rd6, %%rd2, %%rd5;
                st.global.v2.u32 [%%rd6], {%%r20,%%r21};
                """
                    .formatted(instruction.ptx()))
            .run(in, 2 * LANES);
    for (int lane = 0; lane < LANES; lane++) {
      long expected = instruction.expected().of(in[3 * lane], in[3 * lane + 1], in[3 * lane + 2]);
      if (instruction.relativeError() == 0) {
        assertThat(pair(out[2 * lane], out[2 * lane + 1]))
            .as(
                "%s with %08x %08x %08x",
                instruction.ptx(), in[3 * lane], in[3 * lane + 1], in[3 * lane + 2])
            .isEqualTo(expected);
      } else {
        float right = Float.intBitsToFloat((int) expected);
        assertThat(Float.intBitsToFloat(out[2 * lane]))
            .as(instruction.ptx())
            .isCloseTo(right, within((float) (Math.abs(right) * instruction.relativeError())));
      }
    }
  }
}
