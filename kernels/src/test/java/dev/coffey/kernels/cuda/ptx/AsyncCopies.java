package dev.coffey.kernels.cuda.ptx;

import java.util.Arrays;

/// The `cp.async` of a warp that are not done. Their bytes are read at once and come to shared
/// memory only when the thread waits for them, as late as the hardware may deliver them.
final class AsyncCopies {
  private static final int MAX_BYTES = 16;

  private final Warp warp;

  /// How many groups each lane has committed.
  private final int[] committed = new int[Warp.LANES];

  private int count;
  private int[] lanes = new int[64];
  private int[] groups = new int[64];
  private int[] targets = new int[64];
  private int[] sizes = new int[64];
  private byte[] data = new byte[64 * MAX_BYTES];

  AsyncCopies(Warp warp) {
    this.warp = warp;
  }

  void clear() {
    count = 0;
    Arrays.fill(committed, 0);
  }

  /// A copy of `size` bytes to `target`: the first `given` from `source`, the others zeros.
  void add(int lane, int target, int size, Region source, int from, int given) {
    if (count == lanes.length) {
      lanes = Arrays.copyOf(lanes, 2 * count);
      groups = Arrays.copyOf(groups, 2 * count);
      targets = Arrays.copyOf(targets, 2 * count);
      sizes = Arrays.copyOf(sizes, 2 * count);
      data = Arrays.copyOf(data, 2 * count * MAX_BYTES);
    }
    lanes[count] = lane;
    groups[count] = committed[lane];
    targets[count] = target;
    sizes[count] = size;
    int at = count * MAX_BYTES;
    if (given > 0) {
      System.arraycopy(source.bytes, from, data, at, given);
    }
    Arrays.fill(data, at + given, at + size, (byte) 0);
    count++;
  }

  void commit(int mask) {
    for (int lane = 0; lane < Warp.LANES; lane++) {
      committed[lane] += mask >>> lane & 1;
    }
  }

  /// The lanes in `mask` wait until at most the last `allowed` groups that they committed are not
  /// done.
  void await(int mask, int allowed) {
    complete(mask, allowed);
  }

  /// The lanes in `mask` wait for all, committed or not.
  void awaitAll(int mask) {
    complete(mask, -1);
  }

  private void complete(int mask, int allowed) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      int lane = lanes[i];
      if ((mask >>> lane & 1) != 0 && groups[i] < committed[lane] - allowed) {
        Region shared = warp.cta.shared(warp, lane, targets[i], sizes[i]);
        System.arraycopy(data, i * MAX_BYTES, shared.bytes, targets[i], sizes[i]);
        shared.shadow.completeWrite(warp, lane, targets[i], sizes[i]);
      } else {
        lanes[kept] = lane;
        groups[kept] = groups[i];
        targets[kept] = targets[i];
        sizes[kept] = sizes[i];
        System.arraycopy(data, i * MAX_BYTES, data, kept * MAX_BYTES, MAX_BYTES);
        kept++;
      }
    }
    count = kept;
  }
}
