package dev.coffey.kernels.cuda.ptx;

/// Something that a kernel must not do, or that this interpreter can't. The message names kernel,
/// PTX line, CTA and thread.
public final class Fault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /// What went wrong.
  public enum Kind {
    /// The text is not PTX as this interpreter reads it.
    SYNTAX,
    /// An instruction, or a use of one, that this interpreter doesn't have.
    UNSUPPORTED,
    /// A launch that doesn't fit the kernel.
    LAUNCH,
    /// An access outside of all allocations, or across the end of one.
    OUT_OF_BOUNDS,
    /// An access to an allocation that was freed.
    USE_AFTER_FREE,
    /// An address that is no multiple of the access's size.
    MISALIGNED,
    /// A read of bytes that nobody wrote.
    UNINITIALISED,
    /// Two threads use the same bytes, one of them writes, and nothing orders them.
    RACE,
    /// A use of bytes that a `cp.async` is still to write.
    NOT_WAITED,
    /// Threads that must execute an instruction together don't.
    DIVERGED,
    /// More instructions than a CTA may take.
    ENDLESS
  }

  private final Kind kind;

  Fault(Kind kind, String message) {
    super(kind + ": " + message);
    this.kind = kind;
  }

  public Kind kind() {
    return kind;
  }
}
