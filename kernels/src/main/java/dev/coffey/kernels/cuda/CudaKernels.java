package dev.coffey.kernels.cuda;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.BatchSlot;
import dev.coffey.kernels.DType;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.Recorder;
import dev.coffey.kernels.ShapeRules;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// The operations as launches of our own CUDA kernels, one behind the other in one stream.
///
/// An operation returns when it is in the stream; [#download] waits. What [#upload] writes goes to
/// the device with the next launch, for a batch in a [CudaSlot] beside what is computed before it.
final class CudaKernels implements Kernels {
  static final String NAME = "cuda";
  private static final ShapeRules RULES = new ShapeRules(NAME, false);

  /// Every kernel's block.
  private static final int THREADS = 128;

  /// Kernels that work row by row give each of a block's four warps one.
  private static final int ROWS_PER_BLOCK = 4;

  private static final int QUERIES_PER_BLOCK = 64;
  private static final int POOLED_COLUMNS_PER_BLOCK = 128;

  private final CudaDevice device;
  private final DType type;
  private final KernelArguments arguments = new KernelArguments();
  private final List<CudaArena> arenas = new ArrayList<>();

  /// Whether copies out of an image may be under way, so that it must not be written. A slot knows
  /// of its own.
  private boolean copying;

  /// What is begun; null outside of a slot.
  private @Nullable CudaSlot slot;

  /// The row counts of the record being made, by what the operations are called with; null while
  /// none is made.
  private @Nullable Map<Integer, Indices> recordedCounts;

  CudaKernels(CudaDevice device, DType type) {
    this.device = device;
    this.type = type;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    DeviceProperties properties = device.properties();
    return String.format(
        Locale.ROOT,
        "cuda, device %d: %s, compute capability %d.%d, %d multiprocessors, %.1f GiB, %s",
        properties.ordinal(),
        properties.name(),
        properties.major(),
        properties.minor(),
        properties.multiprocessors(),
        properties.memoryBytes() / (double) (1L << 30),
        type.word());
  }

  @Override
  public DType precision() {
    return type;
  }

  @Override
  public Optional<Peak> peak() {
    return device.properties().peak(type);
  }

  @Override
  public TensorArena arena() {
    return arena(new SlabMemory(device));
  }

  @Override
  public boolean sizesArenas() {
    return true;
  }

  @Override
  public TensorArena arena(Consumer<TensorArena> taking) {
    ReckonedMemory reckoned = new ReckonedMemory();
    taking.accept(new CudaArena(this, device, type, reckoned));
    return arena(new FixedMemory(device, reckoned));
  }

  private TensorArena arena(ArenaMemory memory) {
    CudaArena arena = new CudaArena(this, device, type, memory);
    arenas.add(arena);
    return arena;
  }

  /// The memory of `arena` goes.
  void forget(CudaArena arena) {
    arenas.remove(arena);
  }

  @Override
  public Recorder recorder() {
    return new CudaRecorder(this, device);
  }

  /// One is copied in while the other is computed; more would only wait.
  @Override
  public int inFlight() {
    return 2;
  }

  @Override
  public BatchSlot slot() {
    return new CudaSlot(this, device);
  }

  /// All calls from now on are for the batch in `begun`.
  void enter(CudaSlot begun) {
    if (slot != null) {
      throw new IllegalStateException("begin: another batch was begun and not ended");
    }
    slot = begun;
  }

  void leave() {
    slot = null;
  }

  private void synchronize() {
    device.synchronize();
    copying = false;
  }

  @Override
  public void upload(int[] source, int count, Indices target) {
    RULES.upload(source, count, target);
    if (recordedCounts != null) {
      throw new IllegalStateException("upload: a record holds operations only");
    }
    if (slot != null) {
      slot.awaitCopies();
    } else if (copying) {
      synchronize();
    }
    block(target).write(source, count, target.data().address());
  }

  private IndexBlock block(Indices indices) {
    long address = indices.data().address();
    for (CudaArena arena : arenas) {
      for (IndexBlock block : arena.blocks()) {
        if (block.holds(address)) {
          return block;
        }
      }
    }
    throw new IllegalArgumentException("upload: target: expected indices of this backend's arenas");
  }

  /// Brings onto the device what was uploaded.
  void flush() {
    List<IndexBlock> written = new ArrayList<>();
    for (CudaArena arena : arenas) {
      for (IndexBlock block : arena.blocks()) {
        if (block.written()) {
          written.add(block);
        }
      }
    }
    if (written.isEmpty()) {
      return;
    }
    if (slot != null) {
      slot.copyIn(stream -> written.forEach(block -> block.flush(device.driver(), stream)));
    } else {
      written.forEach(block -> block.flush(device.driver(), device.stream()));
      copying = true;
    }
  }

  @Override
  public void download(Tensor source, float[] target) {
    RULES.download(source, target);
    MemorySegment staging = device.staging();
    int columns = source.columns();
    long rowBytes = Math.max(1, (long) source.stride() * type.bytes());
    int most = Math.clamp(staging.byteSize() / rowBytes, 1, Math.max(1, source.rows()));
    for (int row = 0; row < source.rows(); row += most) {
      int rows = Math.min(most, source.rows() - row);
      long extent = extent(source.rows(row, rows));
      if (extent == 0) {
        continue;
      }
      device
          .driver()
          .copyToHost(
              source.data().address() + row * rowBytes,
              staging.asSlice(0, extent),
              device.stream());
      synchronize();
      read(staging, source.rows(row, rows), target, row * columns);
    }
  }

  /// The bytes from a tensor's first number to its last.
  long extent(Tensor tensor) {
    return ((tensor.rows() - 1) * (long) tensor.stride() + tensor.columns()) * type.bytes();
  }

  /// Reads what was copied from `source`, of which `copy` is an image.
  void read(MemorySegment copy, Tensor source, float[] target) {
    read(copy, source, target, 0);
  }

  private void read(MemorySegment copy, Tensor source, float[] target, int to) {
    for (int n = 0; n < source.rows(); n++) {
      int columns = source.columns();
      read(copy, n * (long) source.stride(), target, to + n * columns, columns);
    }
  }

  private void read(MemorySegment staging, long from, float[] target, int to, int count) {
    if (type == DType.F32) {
      MemorySegment.copy(staging, ValueLayout.JAVA_FLOAT, from * Float.BYTES, target, to, count);
      return;
    }
    for (int i = 0; i < count; i++) {
      target[to + i] = type.get(staging, from + i);
    }
  }

  // ---- operations: the arguments in the order that kernels/src/main/cuda/README.md gives

  @Override
  public void gather(Tensor table, Indices rows, Tensor y) {
    RULES.gather(table, rows, y);
    arguments.clear().matrix(table).address(rows).matrix(y).number(y.columns());
    launchRows(Entry.GATHER, y.rows());
  }

  @Override
  public void addPositionNorm(
      Tensor x,
      Tensor positions,
      Indices position,
      @Nullable Tensor types,
      @Nullable Indices type,
      Norm norm,
      Tensor y) {
    RULES.addPositionNorm(x, positions, position, types, type, norm, y);
    arguments.clear().matrix(x).matrix(positions).address(position).matrix(types).address(type);
    norm(norm, y);
    launchRows(Entry.ADD_POSITION_NORM, y.rows());
  }

  @Override
  public void linear(Tensor x, PackedWeights w, @Nullable Tensor bias, Activation act, Tensor y) {
    CudaWeights weights = RULES.weights("linear", CudaWeights.class, w);
    RULES.linear(x, w, bias, y);
    multiply(x, weights, bias, null, act, y);
  }

  @Override
  public void linearAddNorm(
      Tensor x,
      PackedWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Norm norm,
      Tensor y) {
    CudaWeights weights = RULES.weights("linearAddNorm", CudaWeights.class, w);
    RULES.linearAddNorm(x, w, bias, residual, norm, y);
    multiply(x, weights, bias, residual, Activation.NONE, y);
    launchNorm(y, norm, y);
  }

  private void multiply(
      Tensor x,
      CudaWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Activation act,
      Tensor y) {
    int rows = y.rows();
    int outputs = w.outputs();
    if (rows == 0 || outputs == 0) {
      return;
    }
    arguments
        .clear()
        .matrix(x)
        .address(w.address())
        .number(w.packedOutputs())
        .number(w.firstOutput())
        .address(bias)
        .matrix(residual)
        .matrix(y)
        .number(Codes.of(act))
        .number(w.inputs())
        .number(outputs);
    count(rows);
    Tile tile = Tile.of(rows, outputs, device.properties().multiprocessors());
    launch(tile.entry(), Math.ceilDiv(outputs, tile.side()), Math.ceilDiv(rows, tile.side()));
  }

  @Override
  public void attention(
      Tensor q, Indices queryOffsets, Tensor k, Tensor v, Indices keyOffsets, int heads, Tensor y) {
    RULES.attention(q, queryOffsets, k, v, keyOffsets, heads, y);
    int texts = keyOffsets.length() - 1;
    int width = q.columns() / heads;
    if (texts == 0 || q.rows() == 0 || width == 0) {
      return;
    }
    arguments
        .clear()
        .matrix(q)
        .address(queryOffsets)
        .matrix(k)
        .matrix(v)
        .address(keyOffsets)
        .matrix(y)
        .number(width);
    count(texts);
    Entry entry =
        width <= 32 ? Entry.ATTENTION_32 : width <= 64 ? Entry.ATTENTION_64 : Entry.ATTENTION_128;
    launch(entry, q.rows() / QUERIES_PER_BLOCK + texts, heads);
  }

  @Override
  public void neighbours(Tensor x, Indices position, Indices offsets, Tensor y) {
    RULES.neighbours(x, position, offsets, y);
    arguments.clear().matrix(x).address(position).address(offsets).matrix(y).number(x.columns());
    count(offsets.length() - 1);
    launchRows(Entry.NEIGHBOURS, y.rows());
  }

  @Override
  public void pool(Tensor x, Indices offsets, Pooling pooling, Tensor y) {
    RULES.pool(x, offsets, y);
    if (y.rows() == 0 || y.columns() == 0) {
      return;
    }
    arguments
        .clear()
        .matrix(x)
        .address(offsets)
        .matrix(y)
        .number(Codes.of(pooling))
        .number(y.columns());
    count(y.rows());
    launch(Entry.POOL, y.rows(), Math.ceilDiv(y.columns(), POOLED_COLUMNS_PER_BLOCK));
  }

  @Override
  public void norm(Tensor x, Norm norm, Tensor y) {
    RULES.norm(x, norm, y);
    launchNorm(x, norm, y);
  }

  private void launchNorm(Tensor x, Norm norm, Tensor y) {
    arguments.clear().matrix(x);
    norm(norm, y);
    launchRows(Entry.NORM, y.rows());
  }

  private void norm(Norm norm, Tensor y) {
    arguments
        .address(norm.weight())
        .address(norm.bias())
        .number(norm.epsilon())
        .number(Codes.of(norm.kind()))
        .matrix(y)
        .number(y.columns());
  }

  @Override
  public void l2Normalize(Tensor x, Tensor y) {
    RULES.l2Normalize(x, y);
    arguments.clear().matrix(x).matrix(y).number(y.columns());
    launchRows(Entry.L2_NORMALIZE, y.rows());
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    RULES.softmax(x, y);
    arguments.clear().matrix(x).matrix(y).number(y.columns());
    launchRows(Entry.SOFTMAX, y.rows());
  }

  // ---- launching

  /// Launches a kernel that works row by row; its last arguments are the number of rows.
  private void launchRows(Entry entry, int rows) {
    if (rows > 0) {
      count(rows);
      launch(entry, Math.ceilDiv(rows, ROWS_PER_BLOCK), 1);
    }
  }

  /// Appends how many rows, or texts, there are at most, and where the true number lies.
  private void count(int most) {
    Map<Integer, Indices> counts = recordedCounts;
    arguments.number(most).address(counts == null ? null : counts.get(most));
  }

  private void launch(Entry entry, int gridX, int gridY) {
    if (recordedCounts == null) {
      flush();
    }
    device
        .driver()
        .launch(
            device.function(entry),
            new LaunchShape(gridX, gridY, 1, THREADS, 0),
            arguments,
            device.stream());
  }

  /// Records what `work` launches.
  <T> CudaRecorder.Recording<T> record(List<Recorder.Bound> bounds, Supplier<T> work) {
    Map<Integer, Indices> counts = new HashMap<>();
    for (Recorder.Bound bound : bounds) {
      Indices other = counts.put(bound.most(), bound.count());
      if (other != null && !other.equals(bound.count())) {
        throw new IllegalArgumentException(
            "record: two row counts of at most %d can't be told apart".formatted(bound.most()));
      }
    }
    CudaDriver driver = device.driver();
    CudaDriver.Stream stream = device.stream();
    driver.beginCapture(stream);
    recordedCounts = counts;
    T result;
    try {
      result = work.get();
    } catch (Throwable failure) {
      abandonCapture(failure);
      throw failure;
    } finally {
      recordedCounts = null;
    }
    return new CudaRecorder.Recording<>(device.endCapture(), result);
  }

  private void abandonCapture(Throwable failure) {
    CudaDriver driver = device.driver();
    try {
      driver.destroy(driver.endCapture(device.stream()));
    } catch (CudaException e) {
      failure.addSuppressed(e);
    }
  }

  @Override
  public void close() {
    device.close();
  }
}
