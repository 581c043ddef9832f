/// An interpreter for PTX, which runs the very kernels that are shipped on machines without a GPU.
/// [dev.coffey.kernels.cuda.ptx.Machine] launches, [dev.coffey.kernels.cuda.ptx.PtxModule] reads
/// the text, [dev.coffey.kernels.cuda.ptx.DeviceMemory] holds the data. Imports the JDK only.
///
/// A warp's 32 lanes execute together, decoded once; where they part, those at the lowest place in
/// the code go first. CTAs are spread over the cores.
///
/// **What it finds**, each as a [dev.coffey.kernels.cuda.ptx.Fault] that names kernel, PTX line,
/// CTA and thread: accesses outside of an allocation, after its end, or not aligned; reads of
/// memory that nobody wrote; races, in shared memory between barriers, and in global memory between
/// CTAs and within one; uses of what a `cp.async` is still to write; barriers, shuffles, `ldmatrix`
/// and `mma` that threads don't execute together; launches that don't fit.
///
/// **What it can't show.**
///
/// - Time, occupancy, bank conflicts, registers that spill: only hardware and the assembler tell.
/// - The compiler behind PTX: what `ptxas` or a driver makes of it is not run.
/// - The memory model. Every write is seen at once by everyone, in the order of the interpretation.
///   A missing order is found by who touched what between which barriers, not by wrong values;
///   fences are ignored, and so are races of atomic operations with plain ones, and those through
///   memory of two CTAs in the instant when both run on two cores.
/// - Warps of a CTA run one after another from barrier to barrier: not every interleaving, but a
///   race is found in any.
/// - The last bits of `.approx` instructions, for which NVIDIA gives bounds: they are wrong here by
///   nearly as much as the bounds allow. And those of `mma`, which adds in the order of k with one
///   rounding an addition: the hardware adds several products at once, and truncates.
/// - Registers that are read before they are written: they hold a pattern that is not a number.
/// - Instructions that our kernels don't use: `UNSUPPORTED`, when the kernel is loaded.
@NullMarked
package dev.coffey.kernels.cuda.ptx;

import org.jspecify.annotations.NullMarked;
