package dev.coffey.kernels.cpu;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Pooling;
import dev.coffey.kernels.ShapeRules;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// fp32 on the processor's SIMD units through the Vector API, on all threads of a [WorkerPool].
/// Each operation is cut into chunks of whole output numbers, so that no sum depends on the number
/// of threads.
final class VectorKernels implements Kernels {
  static final String NAME = "vector";
  private static final ShapeRules RULES = new ShapeRules(NAME, true);

  /// Numbers in one chunk of a row-wise operation: about 10 µs, well above what a claim costs.
  private static final int CHUNK_NUMBERS = 32768;

  private final VectorShape shape;
  private final WorkerPool workers;
  private final BlockedProduct product;
  private final Scratch[] scratch;
  private final Scratch products = new Scratch();
  private final PanelMultiplication multiplication;
  private final Normalization normalization;
  private final Softmax softmax;
  private final Attention attention;
  private final TextPooling pooling;

  VectorKernels(VectorShape shape, int threads) {
    this.shape = shape;
    this.multiplication = new PanelMultiplication(shape);
    this.normalization = new Normalization(shape);
    this.softmax = new Softmax(shape);
    this.attention = new Attention(shape, multiplication);
    this.pooling = new TextPooling(shape);
    this.scratch = new Scratch[threads];
    for (int worker = 0; worker < threads; worker++) {
      scratch[worker] = new Scratch();
    }
    this.workers = new WorkerPool("coffey-kernels", threads);
    this.product = new BlockedProduct(multiplication, new Activations(shape), workers, scratch);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public String description() {
    int threads = workers.threads();
    return "Vector API, %s, %d thread%s, fp32"
        .formatted(shape.description(), threads, threads == 1 ? "" : "s");
  }

  @Override
  public boolean warmUp(Duration limit) {
    boolean faster = !shape.plain() || Rehearsal.untilFast(shape.lanes(), limit);
    if (faster) {
      shape.setPlain(false);
    }
    return faster;
  }

  @Override
  public TensorArena arena() {
    return new CpuArena(this::pack);
  }

  private PackedWeights pack(HostTensor[] parts, CpuArena arena) {
    int inputs = parts[0].columns();
    int[] outputs = new int[parts.length];
    long[] offsets = new long[parts.length];
    long size = 0;
    for (int part = 0; part < parts.length; part++) {
      outputs[part] = parts[part].rows();
      offsets[part] = size;
      size += multiplication.packedBytes(outputs[part], inputs);
    }
    MemorySegment data = arena.allocate(size);
    long target = NativeMemory.addressOf(data);
    for (int part = 0; part < parts.length; part++) {
      HostTensor source = parts[part];
      long first = target + offsets[part];
      workers.run(
          multiplication.panels(outputs[part]),
          (panel, _) ->
              multiplication.packPanel(
                  source, panel, first + panel * multiplication.panelBytes(inputs)));
    }
    return new PanelWeights(data, inputs, outputs, offsets);
  }

  @Override
  public void upload(int[] source, int count, Indices target) {
    RULES.upload(source, count, target);
    MemorySegment.copy(source, 0, target.data(), ValueLayout.JAVA_INT, 0, count);
  }

  @Override
  public void download(Tensor source, float[] target) {
    RULES.download(source, target);
    int columns = source.columns();
    for (int n = 0; n < source.rows(); n++) {
      MemorySegment.copy(
          source.data(), ValueLayout.JAVA_FLOAT, row(source, n), target, n * columns, columns);
    }
  }

  @Override
  public void gather(Tensor table, Indices rows, Tensor y) {
    RULES.gather(table, rows, y);
    forRows(y, (n, _) -> copy(table, row(table, get(rows, n)), y, row(y, n), y.columns()));
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
    forRows(
        y,
        (n, own) -> {
          addRow(x, n, positions, get(position, n), y, n);
          if (types != null && type != null) {
            addRow(y, n, types, get(type, n), y, n);
          }
          normalization.norm(address(y, n), norm, address(y, n), own);
        });
  }

  @Override
  public void linear(Tensor x, PackedWeights w, @Nullable Tensor bias, Activation act, Tensor y) {
    PanelWeights weights = RULES.weights("linear", PanelWeights.class, w);
    RULES.linear(x, w, bias, y);
    product.run(x, weights, bias, act, y);
  }

  @Override
  public void linearAddNorm(
      Tensor x,
      PackedWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Norm norm,
      Tensor y) {
    PanelWeights weights = RULES.weights("linearAddNorm", PanelWeights.class, w);
    RULES.linearAddNorm(x, w, bias, residual, norm, y);
    // The product is written before the residual is read, so it must not go where the residual
    // lies.
    Tensor product =
        residual != null && ShapeRules.overlap(residual, y) ? product(y.rows(), y.columns()) : y;
    this.product.run(x, weights, bias, Activation.NONE, product);
    forRows(
        y,
        (n, own) -> {
          if (residual != null) {
            addRow(product, n, residual, n, product, n);
          }
          normalization.norm(address(product, n), norm, address(y, n), own);
        });
  }

  private Tensor product(int rows, int columns) {
    return new Tensor(
        products.reserve((long) rows * columns * Float.BYTES), rows, columns, columns);
  }

  @Override
  public void attention(
      Tensor q, Indices queryOffsets, Tensor k, Tensor v, Indices keyOffsets, int heads, Tensor y) {
    RULES.attention(q, queryOffsets, k, v, keyOffsets, heads, y);
    int width = q.columns() / heads;
    int texts = keyOffsets.length() - 1;
    workers.run(
        width == 0 ? 0 : Math.multiplyExact(texts, heads),
        (chunk, worker) -> {
          int text = chunk / heads;
          int firstQuery = get(queryOffsets, text);
          int firstKey = get(keyOffsets, text);
          attention.head(
              q,
              firstQuery,
              get(queryOffsets, text + 1) - firstQuery,
              k,
              v,
              firstKey,
              get(keyOffsets, text + 1) - firstKey,
              chunk % heads * width,
              width,
              y,
              scratch[worker]);
        });
  }

  @Override
  public void neighbours(Tensor x, Indices position, Indices offsets, Tensor y) {
    RULES.neighbours(x, position, offsets, y);
    for (int text = 0; text < offsets.length() - 1; text++) {
      int first = get(offsets, text);
      int end = get(offsets, text + 1);
      for (int n = first; n < end; n++) {
        boolean before = n > first && get(position, n) - get(position, n - 1) == 1;
        boolean after = n + 1 < end && get(position, n + 1) - get(position, n) == 1;
        long target = row(y, n);
        long width = (long) x.columns() * Float.BYTES;
        copyOrZeros(before, x, n - 1, y, target);
        copyOrZeros(true, x, n, y, target + width);
        copyOrZeros(after, x, n + 1, y, target + 2 * width);
      }
    }
  }

  private static void copyOrZeros(boolean present, Tensor x, int n, Tensor y, long target) {
    if (present) {
      copy(x, row(x, n), y, target, x.columns());
    } else {
      y.data().asSlice(target, (long) x.columns() * Float.BYTES).fill((byte) 0);
    }
  }

  @Override
  public void pool(Tensor x, Indices offsets, Pooling mode, Tensor y) {
    RULES.pool(x, offsets, y);
    workers.run(
        y.rows(),
        (text, _) -> {
          int first = get(offsets, text);
          pooling.pool(x, first, get(offsets, text + 1) - first, mode, y, text);
        });
  }

  @Override
  public void norm(Tensor x, Norm norm, Tensor y) {
    RULES.norm(x, norm, y);
    forRows(y, (n, own) -> normalization.norm(address(x, n), norm, address(y, n), own));
  }

  @Override
  public void l2Normalize(Tensor x, Tensor y) {
    RULES.l2Normalize(x, y);
    forRows(
        y, (n, own) -> normalization.l2Normalize(address(x, n), address(y, n), x.columns(), own));
  }

  @Override
  public void softmax(Tensor x, Tensor y) {
    RULES.softmax(x, y);
    int columns = x.columns();
    int lanes = shape.lanes();
    int filled = (columns + lanes - 1) / lanes * lanes;
    long bytes = (long) columns * Float.BYTES;
    forRows(
        y,
        (n, own) -> {
          MemorySegment whole = own.reserve((long) filled * Float.BYTES);
          MemorySegment.copy(x.data(), row(x, n), whole, 0, bytes);
          for (int i = columns; i < filled; i++) {
            whole.setAtIndex(ValueLayout.JAVA_FLOAT, i, Float.NEGATIVE_INFINITY);
          }
          float sum = softmax.exponentials(whole.address(), filled, 1f, own.lanes);
          normalization.divide(whole.address(), address(y, n), columns, sum);
        });
  }

  @Override
  public void close() {
    workers.close();
  }

  @FunctionalInterface
  private interface RowWork {
    void run(int row, Scratch scratch);
  }

  /// Runs `work` on each row of `y`, in chunks of about [#CHUNK_NUMBERS] numbers.
  private void forRows(Tensor y, RowWork work) {
    if (y.columns() == 0) {
      return;
    }
    int chunkRows = Math.max(1, CHUNK_NUMBERS / y.columns());
    workers.run(
        (y.rows() + chunkRows - 1) / chunkRows,
        (chunk, worker) -> {
          int end = Math.min((chunk + 1) * chunkRows, y.rows());
          for (int n = chunk * chunkRows; n < end; n++) {
            work.run(n, scratch[worker]);
          }
        });
  }

  private void addRow(Tensor a, int aRow, Tensor b, int bRow, Tensor y, int yRow) {
    normalization.add(address(a, aRow), address(b, bRow), address(y, yRow), y.columns());
  }

  private static void copy(Tensor x, long from, Tensor y, long to, int columns) {
    MemorySegment.copy(x.data(), from, y.data(), to, (long) columns * Float.BYTES);
  }

  private static int get(Indices indices, int i) {
    return indices.data().getAtIndex(ValueLayout.JAVA_INT, i);
  }

  /// The address of row `n`.
  private static long address(Tensor tensor, int n) {
    return NativeMemory.addressOf(tensor.data()) + row(tensor, n);
  }

  /// The byte at which row `n` begins.
  private static long row(Tensor tensor, int n) {
    return (long) n * tensor.stride() * Float.BYTES;
  }
}
