package dev.coffey.kernels.cuda.ptx;

import java.util.List;

/// What an instruction is applied to.
sealed interface Operand {
  /// Which of a warp's register files.
  enum File {
    /// One bit a lane.
    PREDICATE,
    /// Up to 32 bits a lane.
    WORD,
    /// 64 bits a lane.
    LONG
  }

  /// A register: its number in its file, and its width.
  record Register(File file, int number, int bits) implements Operand {}

  /// One of the registers that a thread can only read: `%tid.x`.
  record Special(String name) implements Operand {}

  /// An integer, or the bits of a floating-point number.
  record Immediate(long bits) implements Operand {}

  /// The address of a variable.
  record Variable(long address) implements Operand {}

  /// Where an access goes: `base` is a register, a variable, a parameter or an immediate.
  record Address(Operand base, long offset) implements Operand {}

  /// The place of a parameter in the parameters' space.
  record Parameter(int offset, int bytes) implements Operand {}

  /// `{a, b, ...}`
  record Vector(List<Operand> elements) implements Operand {}

  /// `!p`
  record Not(Register predicate) implements Operand {}

  /// `p|q`
  record Pair(Operand first, Operand second) implements Operand {}

  /// `_`: a result that nobody wants.
  record Sink() implements Operand {}

  /// A place in the code.
  record Label(String name) implements Operand {}
}
