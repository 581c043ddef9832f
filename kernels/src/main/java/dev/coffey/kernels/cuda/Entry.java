package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import java.util.Locale;

/// The kernels, by the names that `kernels/src/main/cuda/README.md` gives them.
enum Entry {
  GATHER("gather", ""),
  ADD_POSITION_NORM("add_position_norm", ""),
  LINEAR_128("linear", "_128x128"),
  LINEAR_64("linear", "_64x64"),
  LINEAR_32("linear", "_32x32"),
  ATTENTION_32("attention", "_d32"),
  ATTENTION_64("attention", "_d64"),
  ATTENTION_128("attention", "_d128"),
  NEIGHBOURS("neighbours", ""),
  POOL("pool", ""),
  NORM("norm", ""),
  L2_NORMALIZE("l2_normalize", ""),
  SOFTMAX("softmax", "");

  private final String operation;
  private final String variant;

  Entry(String operation, String variant) {
    this.operation = operation;
    this.variant = variant;
  }

  /// Whether a block holds so much shared memory that a multiprocessor has room for as many blocks
  /// as are meant to share it only if it is asked for that: products and attention, 20 to 48 KiB.
  boolean sharesMemory() {
    return switch (this) {
      case LINEAR_128, LINEAR_64, LINEAR_32, ATTENTION_32, ATTENTION_64, ATTENTION_128 -> true;
      case GATHER, ADD_POSITION_NORM, NEIGHBOURS, POOL, NORM, L2_NORMALIZE, SOFTMAX -> false;
    };
  }

  /// The kernel for tensors of that type: `linear_f16_64x64`.
  String name(DType type) {
    return operation + "_" + type.name().toLowerCase(Locale.ROOT) + variant;
  }
}
