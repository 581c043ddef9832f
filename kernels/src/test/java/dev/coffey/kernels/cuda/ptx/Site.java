package dev.coffey.kernels.cuda.ptx;

import org.jspecify.annotations.Nullable;

/// Where an instruction stands, and under which condition it is executed.
///
/// @param text as written
/// @param line in the PTX
/// @param source file and line of the CUDA source, where the PTX names them
/// @param guard the predicate register that must be set; -1 for none
/// @param negated whether it must be clear instead
record Site(String text, int line, @Nullable String source, int guard, boolean negated) {
  @Override
  public String toString() {
    return "PTX line " + line + (source == null ? "" : " (" + source + ")") + ": " + text;
  }
}
