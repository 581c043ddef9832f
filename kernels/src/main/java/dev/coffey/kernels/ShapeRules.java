package dev.coffey.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/// What the arguments of each operation must be, checked once at the operation's door, before
/// anything is written. A broken rule is an [IllegalArgumentException] that names operation,
/// argument, expected and got.
public final class ShapeRules {
  /// The widest attention head, as [dev.coffey.kernels.Kernels#attention] promises.
  static final int MAX_HEAD_WIDTH = 128;

  private final String backend;
  private final boolean readsIndices;

  /// The rules of a backend.
  ///
  /// @param readsIndices whether the host can read an [Indices], so that its numbers are checked
  ///   too; else they are the caller's promise
  public ShapeRules(String backend, boolean readsIndices) {
    this.backend = backend;
    this.readsIndices = readsIndices;
  }

  public void upload(int[] source, int count, Indices target) {
    int limit = Math.min(source.length, target.length());
    require(
        count >= 0 && count <= limit,
        "upload",
        "count",
        "0 to " + limit + " (source has " + source.length + ", target " + target.length() + ")",
        count);
  }

  public void download(Tensor source, float[] target) {
    long count = (long) source.rows() * source.columns();
    require(
        target.length >= count,
        "download",
        "target",
        "at least " + count + " numbers for " + source.shape(),
        target.length);
  }

  public void gather(Tensor table, Indices rows, Tensor y) {
    shape("gather", "y", rows.length(), table.columns(), y);
    indices("gather", "rows", rows, rows.length(), table.rows());
    apart("gather", "table", table, y);
  }

  public void addPositionNorm(
      Tensor x,
      Tensor positions,
      Indices position,
      @Nullable Tensor types,
      @Nullable Indices type,
      Norm norm,
      Tensor y) {
    String op = "addPositionNorm";
    shape(op, "y", x.rows(), x.columns(), y);
    shape(op, "positions", positions.rows(), x.columns(), positions);
    indices(op, "position", position, x.rows(), positions.rows());
    require(
        (types == null) == (type == null),
        op,
        "type",
        types == null ? "none without types" : "token types, as there is a table of types",
        type == null ? "none" : "length " + type.length());
    if (types != null && type != null) {
      shape(op, "types", types.rows(), x.columns(), types);
      indices(op, "type", type, x.rows(), types.rows());
      apart(op, "types", types, y);
    }
    norm(op, norm, x.columns());
    apart(op, "positions", positions, y);
    sameOrApart(op, "x", x, y);
  }

  public void linear(Tensor x, PackedWeights w, @Nullable Tensor bias, Tensor y) {
    product("linear", x, w, bias, y);
  }

  public void linearAddNorm(
      Tensor x,
      PackedWeights w,
      @Nullable Tensor bias,
      @Nullable Tensor residual,
      Norm norm,
      Tensor y) {
    String op = "linearAddNorm";
    product(op, x, w, bias, y);
    if (residual != null) {
      shape(op, "residual", x.rows(), w.outputs(), residual);
      sameOrApart(op, "residual", residual, y);
    }
    norm(op, norm, w.outputs());
  }

  private static void product(
      String op, Tensor x, PackedWeights w, @Nullable Tensor bias, Tensor y) {
    require(
        x.columns() == w.inputs(),
        op,
        "x",
        "(N, " + w.inputs() + ") for weights (" + w.outputs() + ", " + w.inputs() + ")",
        x.shape());
    if (bias != null) {
      shape(op, "bias", 1, w.outputs(), bias);
    }
    shape(op, "y", x.rows(), w.outputs(), y);
    apart(op, "x", x, y);
  }

  public void attention(
      Tensor q, Indices queryOffsets, Tensor k, Tensor v, Indices keyOffsets, int heads, Tensor y) {
    String op = "attention";
    require(
        heads > 0 && q.columns() % heads == 0,
        op,
        "heads",
        "a divisor of the width " + q.columns(),
        heads);
    int width = q.columns() / heads;
    require(width <= MAX_HEAD_WIDTH, op, "q", "a head width of at most " + MAX_HEAD_WIDTH, width);
    shape(op, "k", k.rows(), q.columns(), k);
    shape(op, "v", k.rows(), q.columns(), v);
    shape(op, "y", q.rows(), q.columns(), y);
    require(
        queryOffsets.length() == keyOffsets.length(),
        op,
        "queryOffsets",
        "length " + keyOffsets.length() + " as keyOffsets",
        "length " + queryOffsets.length());
    offsets(op, "queryOffsets", queryOffsets, q.rows(), 0);
    offsets(op, "keyOffsets", keyOffsets, k.rows(), 0);
    apart(op, "q", q, y);
    apart(op, "k", k, y);
    apart(op, "v", v, y);
  }

  public void neighbours(Tensor x, Indices position, Indices offsets, Tensor y) {
    String op = "neighbours";
    shape(op, "y", x.rows(), 3 * x.columns(), y);
    require(
        position.length() == x.rows(),
        op,
        "position",
        "length " + x.rows(),
        "length " + position.length());
    offsets(op, "offsets", offsets, x.rows(), 0);
    apart(op, "x", x, y);
  }

  public void pool(Tensor x, Indices offsets, Tensor y) {
    shape("pool", "y", Math.max(0, offsets.length() - 1), x.columns(), y);
    offsets("pool", "offsets", offsets, x.rows(), 1);
    apart("pool", "x", x, y);
  }

  public void norm(Tensor x, Norm norm, Tensor y) {
    shape("norm", "y", x.rows(), x.columns(), y);
    norm("norm", norm, x.columns());
    sameOrApart("norm", "x", x, y);
  }

  public void l2Normalize(Tensor x, Tensor y) {
    shape("l2Normalize", "y", x.rows(), x.columns(), y);
    sameOrApart("l2Normalize", "x", x, y);
  }

  public void softmax(Tensor x, Tensor y) {
    shape("softmax", "y", x.rows(), x.columns(), y);
    sameOrApart("softmax", "x", x, y);
  }

  /// The packed weights of this very backend.
  public <W extends PackedWeights> W weights(String op, Class<W> type, PackedWeights w) {
    require(
        type.isInstance(w),
        op,
        "w",
        "weights packed by backend '" + backend + "'",
        w.getClass().getSimpleName());
    return type.cast(w);
  }

  private static void norm(String op, Norm norm, int columns) {
    require(norm.columns() == columns, op, "norm", "(1, " + columns + ")", norm.weight().shape());
  }

  private static void shape(String op, String argument, int rows, int columns, Tensor tensor) {
    if (tensor.rows() != rows || tensor.columns() != columns) {
      throw broken(op, argument, "(" + rows + ", " + columns + ")", tensor.shape());
    }
  }

  /// `length` numbers, each in `[0, limit)`.
  private void indices(String op, String argument, Indices indices, int length, int limit) {
    if (indices.length() != length) {
      throw broken(op, argument, "length " + length, "length " + indices.length());
    }
    if (!readsIndices) {
      return;
    }
    MemorySegment data = indices.data();
    for (int i = 0; i < length; i++) {
      int value = data.getAtIndex(ValueLayout.JAVA_INT, i);
      if (value < 0 || value >= limit) {
        throw broken(op, argument + "[" + i + "]", "0 to " + (limit - 1), value);
      }
    }
  }

  /// From 0 to `rows`, each at least `step` above the one before it.
  private void offsets(String op, String argument, Indices offsets, int rows, int step) {
    int last = offsets.length() - 1;
    if (last < 0) {
      throw broken(op, argument, "at least one number", "none");
    }
    if (!readsIndices) {
      return;
    }
    MemorySegment data = offsets.data();
    int before = data.getAtIndex(ValueLayout.JAVA_INT, 0);
    if (before != 0) {
      throw broken(op, argument + "[0]", "0", before);
    }
    for (int i = 1; i <= last; i++) {
      int value = data.getAtIndex(ValueLayout.JAVA_INT, i);
      if (value < before || value - before < step) {
        throw broken(op, argument + "[" + i + "]", "at least " + ((long) before + step), value);
      }
      before = value;
    }
    if (before != rows) {
      throw broken(op, argument + "[" + last + "]", rows + ", the number of rows", before);
    }
  }

  private static void apart(String op, String argument, Tensor input, Tensor y) {
    if (overlap(input, y)) {
      throw broken(op, "y", "memory apart from " + argument, "an overlap");
    }
  }

  private static void sameOrApart(String op, String argument, Tensor input, Tensor y) {
    boolean same =
        input.data().address() == y.data().address()
            && (input.stride() == y.stride() || input.rows() <= 1);
    if (!same && overlap(input, y)) {
      throw broken(op, "y", argument + " itself or memory apart from it", "a partial overlap");
    }
  }

  /// Whether two tensors have a number in common. Column ranges of one matrix lie between each
  /// other in memory and yet have none; tensors of unequal strides count as overlapping where their
  /// address ranges do.
  public static boolean overlap(Tensor a, Tensor b) {
    if (a.rows() == 0 || b.rows() == 0 || a.columns() == 0 || b.columns() == 0) {
      return false;
    }
    long distance = (b.data().address() - a.data().address()) / a.dtype().bytes();
    long extentA = (long) (a.rows() - 1) * a.stride() + a.columns();
    long extentB = (long) (b.rows() - 1) * b.stride() + b.columns();
    if (distance >= extentA || -distance >= extentB) {
      return false;
    }
    if (a.stride() != b.stride()) {
      return true;
    }
    long shift = Math.floorMod(distance, (long) a.stride());
    return shift < a.columns() || shift + b.columns() > a.stride();
  }

  private static void require(
      boolean holds, String op, String argument, String expected, Object got) {
    if (!holds) {
      throw broken(op, argument, expected, got);
    }
  }

  private static IllegalArgumentException broken(
      String op, String argument, String expected, Object got) {
    return new IllegalArgumentException(
        op + ": " + argument + ": expected " + expected + ", got " + got);
  }
}
