package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ALL;
import static dev.coffey.kernels.cpu.NativeMemory.addressOf;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Norm;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// What [Normalization], [Softmax], [Exponential] and [Activations] compute of a row, bit for bit,
/// in loops over arrays: see [VectorShape#plain()]. Each number goes through the same operations in
/// the same order as there, so a change there is a change here.
///
/// Rows are given by the address of their first number.
final class PlainRows {
  /// What one thread works in: three rows.
  private static final class Room {
    private float[] first = {};
    private float[] second = {};
    private float[] third = {};

    float[] first(int count) {
      if (first.length < count) {
        first = new float[count];
      }
      return first;
    }

    float[] second(int count) {
      if (second.length < count) {
        second = new float[count];
      }
      return second;
    }

    float[] third(int count) {
      if (third.length < count) {
        third = new float[count];
      }
      return third;
    }
  }

  private final int lanes;
  private final ThreadLocal<Room> rooms = ThreadLocal.withInitial(Room::new);

  /// For vectors of `lanes` lanes.
  PlainRows(int lanes) {
    this.lanes = lanes;
  }

  void add(long a, long b, long y, int columns) {
    Room room = rooms.get();
    float[] left = read(a, room.first(columns), columns);
    float[] right = read(b, room.second(columns), columns);
    for (int i = 0; i < columns; i++) {
      left[i] += right[i];
    }
    write(left, y, columns);
  }

  void divide(long x, long y, int columns, float divisor) {
    Room room = rooms.get();
    float[] row = read(x, room.first(columns), columns);
    for (int i = 0; i < columns; i++) {
      row[i] /= divisor;
    }
    write(row, y, columns);
  }

  /// `y = (x − mean)·scale·weight + bias`
  void scale(long x, float mean, float scale, Norm norm, long y) {
    Room room = rooms.get();
    int columns = norm.columns();
    float[] row = read(x, room.first(columns), columns);
    for (int i = 0; i < columns; i++) {
      row[i] = (row[i] - mean) * scale;
    }
    float[] weight = read(addressOf(norm.weight().data()), room.second(columns), columns);
    float[] bias = read(addressOf(norm.bias().data()), room.third(columns), columns);
    for (int i = 0; i < columns; i++) {
      row[i] = Math.fma(row[i], weight[i], bias[i]);
    }
    write(row, y, columns);
  }

  float sum(long x, int columns) {
    Room room = rooms.get();
    return sum(read(x, room.first(columns), columns), columns, false, room);
  }

  /// `Σ (x − mean)²`
  float squares(long x, int columns, float mean) {
    Room room = rooms.get();
    float[] row = read(x, room.first(columns), columns);
    for (int i = 0; i < columns; i++) {
      row[i] -= mean;
    }
    return sum(row, columns, true, room);
  }

  /// Two vectors of sums in turns for whole pairs of vectors; the rest goes to the first.
  private float sum(float[] row, int columns, boolean squared, Room room) {
    float[] sums = room.third(2 * lanes);
    Arrays.fill(sums, 0, 2 * lanes, 0f);
    int pairs = columns / (2 * lanes) * (2 * lanes);
    for (int i = 0; i < pairs; i++) {
      int lane = i % (2 * lanes);
      sums[lane] = add(sums[lane], row[i], squared);
    }
    int filled = (columns + lanes - 1) / lanes * lanes;
    for (int i = pairs; i < filled; i++) {
      int lane = i % lanes;
      sums[lane] = add(sums[lane], i < columns ? row[i] : 0f, squared);
    }
    for (int lane = 0; lane < lanes; lane++) {
      sums[lane] += sums[lane + lanes];
    }
    return Lanes.sum(sums, lanes);
  }

  private static float add(float sum, float value, boolean squared) {
    return squared ? Math.fma(value, value, sum) : sum + value;
  }

  /// `max |x|`, at least 0
  float largest(long x, int columns) {
    float[] row = read(x, rooms.get().first(columns), columns);
    float max = 0;
    for (int i = 0; i < columns; i++) {
      max = Math.max(max, Math.abs(row[i]));
    }
    return max;
  }

  float max(long x, int columns) {
    float[] row = read(x, rooms.get().first(columns), columns);
    float max = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < columns; i++) {
      max = Math.max(max, row[i]);
    }
    return max;
  }

  /// As [Exponential#ofNonPositive].
  void exponentials(long x, int count, float shift, float scale) {
    float[] row = read(x, rooms.get().first(count), count);
    for (int i = 0; i < count; i++) {
      row[i] = Exponential.plain((row[i] - shift) * scale);
    }
    write(row, x, count);
  }

  /// `x = act(x)` in place.
  void apply(Activation act, long x, int columns) {
    float[] row = read(x, rooms.get().first(columns), columns);
    for (int i = 0; i < columns; i++) {
      row[i] = Activations.plain(act, row[i]);
    }
    write(row, x, columns);
  }

  private static float[] read(long from, float[] to, int count) {
    MemorySegment.copy(ALL, ValueLayout.JAVA_FLOAT, from, to, 0, count);
    return to;
  }

  private static void write(float[] from, long to, int count) {
    MemorySegment.copy(from, 0, ALL, ValueLayout.JAVA_FLOAT, to, count);
  }
}
