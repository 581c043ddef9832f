package dev.coffey.kernels.cuda.ptx;

/// `ldmatrix` and `mma.sync`.
final class Matrix {
  private static final int TF32_BITS = 0xFFFFE000;

  private Matrix() {}

  /// How the elements of A and B are stored.
  enum Storage {
    F16,
    BF16,
    TF32
  }

  /// `ldmatrix`: one to four 8×8 matrices of 16 bits from shared memory. Lanes 8j to 8j+7 give the
  /// addresses of matrix j's rows.
  static final class Load extends Instruction {
    private static final int ROW_BYTES = 16;

    private final Access.Place place;
    private final int[] results;
    private final boolean transposed;

    Load(Site site, Access.Place place, int[] results, boolean transposed) {
      super(site);
      this.place = place;
      this.results = results.clone();
      this.transposed = transposed;
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.requireWhole(mask);
      int[] offsets = new int[8 * results.length];
      Region shared = null;
      for (int lane = 0; lane < offsets.length; lane++) {
        long address = place.address(warp, lane);
        shared = place.region(warp, lane, address, ROW_BYTES);
        Access.requireAligned(warp, lane, address, ROW_BYTES);
        offsets[lane] = place.offsetIn(shared, address);
        shared.shadow.readTogether(warp, lane, offsets[lane], ROW_BYTES);
      }
      if (shared == null) {
        throw unsupported("ldmatrix of no matrix");
      }
      for (int m = 0; m < results.length; m++) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int value;
          if (transposed) {
            int row = 8 * m + 2 * (lane & 3);
            int column = 2 * (lane >>> 2);
            int low = (int) shared.get(offsets[row] + column, 2);
            int high = (int) shared.get(offsets[row + 1] + column, 2);
            value = low | high << 16;
          } else {
            value = shared.word(offsets[8 * m + (lane >>> 2)] + 4 * (lane & 3));
          }
          warp.words[results[m] + lane] = value;
        }
      }
    }
  }

  /// `mma.sync` of m16n8: `D = A·B + C` with A (16, K) row-major and B (K, 8) column-major in
  /// fragments.
  ///
  /// Products are exact. Each element is the sum of C and the products in the order of k, every
  /// addition rounded to the nearest fp32. (The hardware adds several products at once, and
  /// truncates: it may differ in the last bits.) TF32 operands are cut to 10 bits of mantissa.
  static final class Multiply extends Instruction {
    private static final int M = 16;
    private static final int N = 8;

    private final Storage storage;
    private final int depth;
    private final boolean halfSums;
    private final int[] d;
    private final int[] a;
    private final int[] b;
    private final int[] c;

    /// @param depth K
    /// @param halfSums whether C and D are fp16
    Multiply(
        Site site,
        Storage storage,
        int depth,
        boolean halfSums,
        int[] d,
        int[] a,
        int[] b,
        int[] c) {
      super(site);
      this.storage = storage;
      this.depth = depth;
      this.halfSums = halfSums;
      this.d = d.clone();
      this.a = a.clone();
      this.b = b.clone();
      this.c = c.clone();
    }

    @Override
    void execute(Warp warp, int mask) {
      warp.requireWhole(mask);
      float[] left = warp.matrices.left;
      float[] right = warp.matrices.right;
      float[] sums = warp.matrices.sums;
      if (storage == Storage.TF32) {
        gatherWords(warp.words, left, right);
      } else {
        gatherPairs(warp.words, left, right);
      }
      gatherSums(warp.words, sums);
      multiply(left, right, sums, depth);
      scatterSums(warp.words, sums);
    }

    private static void multiply(float[] left, float[] right, float[] sums, int depth) {
      for (int m = 0; m < M; m++) {
        float s0 = sums[N * m];
        float s1 = sums[N * m + 1];
        float s2 = sums[N * m + 2];
        float s3 = sums[N * m + 3];
        float s4 = sums[N * m + 4];
        float s5 = sums[N * m + 5];
        float s6 = sums[N * m + 6];
        float s7 = sums[N * m + 7];
        for (int k = 0; k < depth; k++) {
          float x = left[depth * m + k];
          int row = N * k;
          s0 += x * right[row];
          s1 += x * right[row + 1];
          s2 += x * right[row + 2];
          s3 += x * right[row + 3];
          s4 += x * right[row + 4];
          s5 += x * right[row + 5];
          s6 += x * right[row + 6];
          s7 += x * right[row + 7];
        }
        sums[N * m] = s0;
        sums[N * m + 1] = s1;
        sums[N * m + 2] = s2;
        sums[N * m + 3] = s3;
        sums[N * m + 4] = s4;
        sums[N * m + 5] = s5;
        sums[N * m + 6] = s6;
        sums[N * m + 7] = s7;
      }
    }

    /// 16-bit elements, two a register: register r of A holds row `lane/4 + 8·(r mod 2)` and
    /// columns `2·(lane mod 4) + 8·(r/2)` and the next; of B, rows and column likewise.
    private void gatherPairs(int[] words, float[] left, float[] right) {
      for (int r = 0; r < a.length; r++) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int row = (lane >>> 2) + 8 * (r & 1);
          int at = depth * row + 2 * (lane & 3) + 8 * (r >>> 1);
          int pair = words[a[r] + lane];
          left[at] = element(pair);
          left[at + 1] = element(pair >>> 16);
        }
      }
      for (int r = 0; r < b.length; r++) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int at = N * (2 * (lane & 3) + 8 * r) + (lane >>> 2);
          int pair = words[b[r] + lane];
          right[at] = element(pair);
          right[at + N] = element(pair >>> 16);
        }
      }
    }

    private float element(int bits) {
      return storage == Storage.F16
          ? Float.float16ToFloat((short) bits)
          : Float.intBitsToFloat(bits << 16);
    }

    private void gatherWords(int[] words, float[] left, float[] right) {
      for (int r = 0; r < a.length; r++) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          int row = (lane >>> 2) + 8 * (r & 1);
          left[depth * row + (lane & 3) + 4 * (r >>> 1)] =
              Float.intBitsToFloat(words[a[r] + lane] & TF32_BITS);
        }
      }
      for (int r = 0; r < b.length; r++) {
        for (int lane = 0; lane < Warp.LANES; lane++) {
          right[N * ((lane & 3) + 4 * r) + (lane >>> 2)] =
              Float.intBitsToFloat(words[b[r] + lane] & TF32_BITS);
        }
      }
    }

    private void gatherSums(int[] words, float[] sums) {
      for (int lane = 0; lane < Warp.LANES; lane++) {
        for (int half = 0; half < 2; half++) {
          int at = N * ((lane >>> 2) + 8 * half) + 2 * (lane & 3);
          if (halfSums) {
            int pair = words[c[half] + lane];
            sums[at] = Float.float16ToFloat((short) pair);
            sums[at + 1] = Float.float16ToFloat((short) (pair >>> 16));
          } else {
            sums[at] = Float.intBitsToFloat(words[c[2 * half] + lane]);
            sums[at + 1] = Float.intBitsToFloat(words[c[2 * half + 1] + lane]);
          }
        }
      }
    }

    private void scatterSums(int[] words, float[] sums) {
      for (int lane = 0; lane < Warp.LANES; lane++) {
        for (int half = 0; half < 2; half++) {
          int at = N * ((lane >>> 2) + 8 * half) + 2 * (lane & 3);
          if (halfSums) {
            words[d[half] + lane] =
                (Float.floatToFloat16(sums[at]) & 0xFFFF)
                    | Float.floatToFloat16(sums[at + 1]) << 16;
          } else {
            words[d[2 * half] + lane] = Float.floatToRawIntBits(sums[at]);
            words[d[2 * half + 1] + lane] = Float.floatToRawIntBits(sums[at + 1]);
          }
        }
      }
    }
  }
}
