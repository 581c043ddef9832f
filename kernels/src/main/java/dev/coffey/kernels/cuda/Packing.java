package dev.coffey.kernels.cuda;

import dev.coffey.kernels.DType;
import dev.coffey.kernels.HostTensor;
import java.lang.foreign.MemorySegment;

/// How tensors and weights lie in device memory: `kernels/src/main/cuda/README.md` has the
/// formulas.
final class Packing {
  /// A panel's run of inputs of one output: a row of the kernels' shared memory.
  private static final int PANEL_BYTES = 128;

  /// What tensor-core loads and their permutation take at a time.
  private static final int CHUNK_BYTES = 16;

  private static final int CHUNKS = PANEL_BYTES / CHUNK_BYTES;

  private Packing() {}

  /// Takes numbers one behind the other and sends them in pieces as large as its buffer.
  abstract static class Sink {
    private final MemorySegment buffer;
    private final DType type;
    private final long capacity;
    private long count;

    Sink(MemorySegment buffer, DType type) {
      this.buffer = buffer;
      this.type = type;
      capacity = buffer.byteSize() / type.bytes();
    }

    /// Takes the first `bytes` bytes of the buffer, all that came since the last call.
    abstract void send(long bytes);

    private void put(float value) {
      if (type == DType.F16 && Float.isFinite(value) && !Float.isFinite(type.rounded(value))) {
        throw new IllegalArgumentException(
            "fp16 holds numbers up to 65504, and the model has a parameter of %s: use --precision bf16 or fp32"
                .formatted(value));
      }
      type.set(buffer, count, value);
      if (++count == capacity) {
        end();
      }
    }

    private void end() {
      if (count > 0) {
        send(count * type.bytes());
        count = 0;
      }
    }
  }

  /// Outputs of packed weights, with the padding that makes the permutation whole.
  static int packedOutputs(int outputs) {
    return Math.multiplyExact(Math.ceilDiv(outputs, CHUNKS), CHUNKS);
  }

  /// The size of packed weights.
  static long bytes(int outputs, int inputs, DType type) {
    return (long) panelCount(inputs, type) * packedOutputs(outputs) * PANEL_BYTES;
  }

  private static int panelCount(int inputs, DType type) {
    return Math.ceilDiv(inputs, PANEL_BYTES / type.bytes());
  }

  /// A matrix, row after row, `stride` numbers a row.
  static void rows(HostTensor source, int stride, Sink sink) {
    for (int row = 0; row < source.rows(); row++) {
      for (int column = 0; column < stride; column++) {
        sink.put(column < source.columns() ? source.at(row, column) : 0);
      }
    }
    sink.end();
  }

  /// (out, in) matrices below each other as panels of 128 bytes of inputs; a panel holds all
  /// outputs, and each output's chunks of 16 bytes are permuted by its number.
  static void panels(HostTensor[] parts, DType type, Sink sink) {
    int inputs = parts[0].columns();
    int chunk = CHUNK_BYTES / type.bytes();
    int panel = CHUNKS * chunk;
    for (int first = 0; first < inputs; first += panel) {
      int output = 0;
      for (HostTensor part : parts) {
        for (int row = 0; row < part.rows(); row++) {
          for (int place = 0; place < CHUNKS; place++) {
            int from = first + (place ^ output % CHUNKS) * chunk;
            for (int input = from; input < from + chunk; input++) {
              sink.put(input < inputs ? part.at(row, input) : 0);
            }
          }
          output++;
        }
      }
      for (int padding = (packedOutputs(output) - output) * panel; padding > 0; padding--) {
        sink.put(0);
      }
    }
    sink.end();
  }
}
