package dev.coffey.model;

import java.util.ArrayList;
import java.util.List;

/// The rows that one head shall read for the readouts of a batch, and where what it gives goes.
final class HeadRequests {
  /// Rows for one readout.
  @SuppressWarnings("ArrayRecordComponent") // private and never compared
  private record Request(Slot slot, int[] rows) {}

  private final List<Request> requests = new ArrayList<>();
  private int total;

  /// Asks for `rows` of the hidden states.
  void add(Slot slot, int[] rows) {
    requests.add(new Request(slot, rows));
    total += rows.length;
  }

  boolean isEmpty() {
    return requests.isEmpty();
  }

  /// All rows, request after request.
  int[] rows() {
    int[] rows = new int[total];
    int at = 0;
    for (Request request : requests) {
      System.arraycopy(request.rows(), 0, rows, at, request.rows().length);
      at += request.rows().length;
    }
    return rows;
  }

  /// Takes what the head gives for [#rows], in order.
  Scatter scatter(int outputs) {
    return new Scatter(outputs);
  }

  /// Hands rows of logits, which come in blocks, to the readouts that asked for them.
  final class Scatter {
    private final int outputs;
    private int request;
    private int row;
    private float[] values;

    private Scatter(int outputs) {
      this.outputs = outputs;
      this.values = new float[requests.getFirst().rows().length * outputs];
    }

    /// Takes the next `count` rows.
    void take(float[] logits, int count) {
      for (int i = 0; i < count; i++) {
        System.arraycopy(logits, i * outputs, values, row * outputs, outputs);
        row++;
        Request current = requests.get(request);
        if (row == current.rows().length) {
          current.slot().set(new Matrix(row, outputs, values));
          row = 0;
          request++;
          if (request < requests.size()) {
            values = new float[requests.get(request).rows().length * outputs];
          }
        }
      }
    }
  }
}
