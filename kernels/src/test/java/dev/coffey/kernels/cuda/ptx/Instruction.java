package dev.coffey.kernels.cuda.ptx;

/// One PTX instruction, its operands resolved to places in a warp's register files. Immutable;
/// shared by all warps.
abstract class Instruction {
  final Site site;

  Instruction(Site site) {
    this.site = site;
  }

  /// Executes this for the lanes in `mask`, which is never 0. The warp has set where execution goes
  /// on; a branch sets it anew.
  abstract void execute(Warp warp, int mask);

  Fault unsupported(String what) {
    return new Fault(Fault.Kind.UNSUPPORTED, what + ", at " + site);
  }
}
