package dev.coffey.kernels;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The operations that one compute device offers to a forward pass. All backends compute the same
/// formulas; the scalar backend is their definition.
///
/// Letters: T tokens of a batch (rows), B texts, H hidden width, I inputs, O outputs. All tensors
/// and indices of a call must come from this backend's arenas. Output rows are written whole, and
/// nothing else is. Unless said otherwise an output may not share memory with an input. Zero rows
/// are allowed everywhere and do nothing.
///
/// **Batch invariance.** On one backend, a row's result has the same bits whatever other rows are
/// in the call, wherever the row lies, and whatever the number of threads: each output's additions
/// happen in an order given by the widths alone.
///
/// **Errors.** A shape that doesn't fit is an [IllegalArgumentException] that names operation,
/// argument, expected and got, thrown before anything is written. Index values are the caller's
/// promise (checked by the CPU backends at the operation's door). A device that fails is a
/// [DeviceException], from whichever call finds it out.
///
/// **Threads.** One thread owns a `Kernels` and calls it; a backend may use more threads inside a
/// call.
public interface Kernels extends AutoCloseable {
  /// The backend's name: `scalar`, `vector`, ...
  String name();

  /// What runs, for a person: instruction set, lanes, threads, precision.
  String description();

  /// How this backend stores tensors and weights.
  default DType precision() {
    return DType.F32;
  }

  /// What the device can do at most; empty where that is not known.
  default Optional<Peak> peak() {
    return Optional.empty();
  }

  /// The most that a device can do by its own figures.
  ///
  /// @param operations additions and multiplications a second, in this backend's precision
  /// @param bytes moved from and to its memory a second; 0 if unknown
  record Peak(double operations, double bytes) {}

  /// How many batches may be under way at once: begun, and not yet awaited.
  default int inFlight() {
    return 1;
  }

  /// A new slot for a batch; closed before this is.
  default BatchSlot slot() {
    return new DirectSlot(this);
  }

  /// Brings a backend that was opened for a quick start ([KernelsOptions#quickStart]) to its full
  /// speed; its results have the same bits before and after. Blocks the caller, which is not the
  /// owner's thread, while the owner goes on; must have returned before [#close].
  ///
  /// @return false if that speed was not reached within `limit`, or the caller was interrupted; the
  ///   backend then goes on as it was
  default boolean warmUp(Duration limit) {
    return true;
  }

  /// New memory on this device, which grows as it is taken.
  TensorArena arena();

  /// Whether the device's memory should be taken in few large pieces, and none while it works: what
  /// needs much then reckons it before, by [#arena(Consumer)].
  default boolean sizesArenas() {
    return false;
  }

  /// New memory on this device for what `taking` takes, and no more. Where [#sizesArenas], `taking`
  /// is called with an arena whose tensors and weights have shapes but no memory, and then all that
  /// it took is allocated in one piece; elsewhere this is [#arena()].
  ///
  /// @throws DeviceMemoryException if the device has too little, saying for what
  default TensorArena arena(Consumer<TensorArena> taking) {
    return arena();
  }

  /// A recorder for work on memory of one [#arena]. By default it just runs the work.
  default Recorder recorder() {
    return Recorder.DIRECT;
  }

  /// Copies `source[0 .. count)` to the first `count` numbers of `target`.
  void upload(int[] source, int count, Indices target);

  /// Copies `source` to `target[0 .. rows·columns)`, row after row. Waits until all operations
  /// before it are done.
  void download(Tensor source, float[] target);

  /// `y[n,·] = table[rows[n],·]` table: (R,H) rows: N numbers in [0,R) y: (N,H)
  void gather(Tensor table, Indices rows, Tensor y);

  /// `y[n,·] = norm(x[n,·] + positions[position[n],·] (+ types[type[n],·]))` x, y: (T,H) positions:
  /// (P,H) types: (S,H) or null together with `type`. `y` may be `x`.
  void addPositionNorm(
      Tensor x,
      Tensor positions,
      Indices position,
      @Nullable Tensor types,
      @Nullable Indices type,
      Norm norm,
      Tensor y);

  /// `y[n,o] = act(Σ_i x[n,i]·w[o,i] + bias[o])` x: (N,I) w: (O,I) bias: (1,O), null for zeros y:
  /// (N,O)
  void linear(Tensor x, PackedWeights w, @Nullable Tensor bias, Activation act, Tensor y);

  /// `y[n,·] = norm(x[n,·]·Wᵀ + bias (+ residual[n,·]))` x: (N,I) w: (O,I) bias: (1,O), null for
  /// zeros residual: (N,O) or null y: (N,O). `y` may be `residual`.
  void linearAddNorm(
      Tensor x,
      PackedWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Norm norm,
      Tensor y);

  /// Attention of each text over its own keys: for text t, head a, and each query row n of t,
  /// `y[n,a] = Σ_m softmax_m(q[n,a]·k[m,a] / √D) · v[m,a]`, m over the key rows of t.
  ///
  /// q, y: (Q,H) k, v: (T,H) queryOffsets, keyOffsets: B+1 numbers, from 0 to Q and to T. H =
  /// heads·D, head a in columns a·D to (a+1)·D; any D up to 128. A text may have fewer queries than
  /// keys (a last layer whose head reads one row); a text with queries but no keys gives zeros. q,
  /// k and v may be columns of one packed (T,3H) tensor.
  void attention(
      Tensor q, Indices queryOffsets, Tensor k, Tensor v, Indices keyOffsets, int heads, Tensor y);

  /// `y[n,·] = [x[n−1,·], x[n,·], x[n+1,·]]`, a neighbour read only if it is of the same text and
  /// its position differs by one, zeros else: MobileBERT's trigram input. x: (T,H) position: T
  /// numbers offsets: B+1 y: (T,3H)
  void neighbours(Tensor x, Indices position, Indices offsets, Tensor y);

  /// One row a text. x: (T,H) offsets: B+1, each text with at least one row y: (B,H)
  void pool(Tensor x, Indices offsets, Pooling pooling, Tensor y);

  /// `y[n,·] = norm(x[n,·])` x, y: (N,H). `y` may be `x`.
  void norm(Tensor x, Norm norm, Tensor y);

  /// `y[n,·] = x[n,·] / max(‖x[n,·]‖₂, 1e-12)`, as `torch.nn.functional.normalize`. x, y: (N,H).
  /// `y` may be `x`.
  void l2Normalize(Tensor x, Tensor y);

  /// `y[n,j] = exp(x[n,j] − max x[n,·]) / Σ_k exp(x[n,k] − max x[n,·])` x, y: (N,H). `y` may be
  /// `x`.
  void softmax(Tensor x, Tensor y);

  /// Stops the backend's threads and gives the device back. Arenas must be closed before.
  @Override
  void close();
}
