package dev.coffey.kernels.cpu;

import static dev.coffey.kernels.cpu.NativeMemory.ALL;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/// What [ProductTile] computes, bit for bit, in loops over arrays: see [VectorShape#plain()].
///
/// Each number is the same chain of fused multiply-adds from 0 on in the order of k, then the same
/// addition.
final class PlainTile {
  private static final int MOST_ROWS = 8;

  /// What one thread works in.
  private static final class Room {
    private final float[] group = new float[PanelMultiplication.CHAIN * MOST_ROWS];
    private final float[] panel;
    private final float[] sums;
    private final float[] start;

    Room(int columns) {
      panel = new float[PanelMultiplication.CHAIN * columns];
      sums = new float[columns];
      start = new float[columns];
    }
  }

  private final int columns;
  private final ThreadLocal<Room> rooms;

  /// For panels of `columns` columns.
  PlainTile(int columns) {
    this.columns = columns;
    this.rooms = ThreadLocal.withInitial(() -> new Room(columns));
  }

  /// As [ProductTile#run], for at most [PanelMultiplication#CHAIN] steps.
  void run(
      int height, long a, long b, int k, int rows, long s, long sStride, long c, long cStride) {
    Room room = rooms.get();
    int group = RowTiling.groupFloats(height);
    read(a, room.group, k * group);
    read(b, room.panel, k * columns);
    for (int row = 0; row < rows; row++) {
      Arrays.fill(room.sums, 0f);
      for (int i = 0; i < k; i++) {
        step(room.group[i * group + row], room.panel, i * columns, room.sums);
      }
      read(s + row * sStride, room.start, columns);
      for (int j = 0; j < columns; j++) {
        room.sums[j] += room.start[j];
      }
      MemorySegment.copy(room.sums, 0, ALL, ValueLayout.JAVA_FLOAT, c + row * cStride, columns);
    }
  }

  /// A method of its own, called often enough for the JIT to see it at once.
  private static void step(float x, float[] panel, int at, float[] sums) {
    for (int j = 0; j < sums.length; j++) {
      sums[j] = Math.fma(x, panel[at + j], sums[j]);
    }
  }

  private static void read(long from, float[] to, int count) {
    MemorySegment.copy(ALL, ValueLayout.JAVA_FLOAT, from, to, 0, count);
  }
}
