package dev.coffey.kernels.cuda.ptx;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// `mma.sync` on fragments that `ldmatrix` or plain loads put together from whole matrices.
class MatrixTest {
  private static final int LANES = 32;
  private static final int M = 16;
  private static final int N = 8;

  /// A (16, K) and B (K, 8) as fragments by the tables of the PTX manual, which are written here as
  /// they stand there: for each lane, register and half the row and column.
  @FunctionalInterface
  private interface Where {
    int[] rowAndColumn(int lane, int register, int half);
  }

  // Breaks if a fragment's element is taken for another, or the products are summed wrongly.
  @ParameterizedTest
  @CsvSource({"f16,16", "f16,8", "bf16,16", "bf16,8", "tf32,8", "tf32,4"})
  void multiply_fragments_isTheMatrixProduct(String type, int depth) {
    SplittableRandom random = new SplittableRandom(depth);
    // Small whole numbers: every sum is exact, in any order.
    int[][] a = numbers(random, M, depth);
    int[][] b = numbers(random, depth, N);
    int[][] c = numbers(random, M, N);
    boolean wide = type.equals("tf32");
    int halves = wide ? 1 : 2;
    Where left =
        wide
            ? (lane, r, _) -> new int[] {lane / 4 + 8 * (r % 2), lane % 4 + 4 * (r / 2)}
            : (lane, r, half) ->
                new int[] {lane / 4 + 8 * (r % 2), lane % 4 * 2 + half + 8 * (r / 2)};
    Where right =
        wide
            ? (lane, r, _) -> new int[] {lane % 4 + 4 * r, lane / 4}
            : (lane, r, half) -> new int[] {lane % 4 * 2 + half + 8 * r, lane / 4};
    Where sums = (lane, r, _) -> new int[] {lane / 4 + 8 * (r / 2), lane % 4 * 2 + r % 2};
    int leftRegisters = M * depth / LANES / halves;
    int rightRegisters = N * depth / LANES / halves;
    int[] in = new int[(leftRegisters + rightRegisters + 4) * LANES];
    fill(in, 0, leftRegisters, halves, left, a, type);
    fill(in, leftRegisters, rightRegisters, halves, right, b, type);
    fill(in, leftRegisters + rightRegisters, 4, 1, sums, c, "tf32");

    StringBuilder body =
        new StringBuilder("mul.wide.u32 %rd10, %r1, 4; add.s64 %rd11, %rd1, %rd10;");
    for (int r = 0; r < in.length / LANES; r++) {
      body.append("ld.global.u32 %r")
          .append(10 + r)
          .append(", [%rd11+")
          .append(128 * r)
          .append("];\n");
    }
    int firstSum = 10 + leftRegisters + rightRegisters;
    body.append("mma.sync.aligned.m16n8k%d.row.col.f32.%s.%s.f32 ".formatted(depth, type, type))
        .append("{%r30,%r31,%r32,%r33}, ")
        .append(list(10, leftRegisters))
        .append(", ")
        .append(list(10 + leftRegisters, rightRegisters))
        .append(", ")
        .append(list(firstSum, 4))
        .append(";\n add.s64 %rd12, %rd2, %rd10;\n");
    for (int r = 0; r < 4; r++) {
      body.append("st.global.u32 [%%rd12+%d], %%r%d;%n".formatted(128 * r, 30 + r));
    }
    int[] out = new TestKernel(body.toString()).run(in, 4 * LANES);

    for (int lane = 0; lane < LANES; lane++) {
      for (int r = 0; r < 4; r++) {
        int[] at = sums.rowAndColumn(lane, r, 0);
        int expected = c[at[0]][at[1]];
        for (int k = 0; k < depth; k++) {
          expected += a[at[0]][k] * b[k][at[1]];
        }
        assertThat(Float.intBitsToFloat(out[LANES * r + lane]))
            .as("row %d, column %d", at[0], at[1])
            .isEqualTo(expected);
      }
    }
  }

  private static int[][] numbers(SplittableRandom random, int rows, int columns) {
    int[][] numbers = new int[rows][columns];
    for (int[] row : numbers) {
      for (int i = 0; i < columns; i++) {
        row[i] = random.nextInt(-9, 10);
      }
    }
    return numbers;
  }

  private static void fill(
      int[] in, int first, int registers, int halves, Where where, int[][] matrix, String type) {
    for (int r = 0; r < registers; r++) {
      for (int lane = 0; lane < LANES; lane++) {
        for (int half = 0; half < halves; half++) {
          int[] at = where.rowAndColumn(lane, r, half);
          in[LANES * (first + r) + lane] |= bits(matrix[at[0]][at[1]], type) << (16 * half);
        }
      }
    }
  }

  private static int bits(int number, String type) {
    return switch (type) {
      case "f16" -> Float.floatToFloat16(number) & 0xFFFF;
      case "bf16" -> Float.floatToIntBits(number) >>> 16;
      // The low 13 bits are ignored.
      default -> Float.floatToIntBits(number);
    };
  }

  private static String list(int first, int count) {
    StringBuilder list = new StringBuilder("{");
    for (int i = 0; i < count; i++) {
      list.append(i == 0 ? "" : ",").append("%r").append(first + i);
    }
    return list.append('}').toString();
  }

  // Breaks if a lane gets another row, or a transposed matrix isn't.
  @ParameterizedTest
  @CsvSource({"1,false", "2,false", "4,false", "1,true", "2,true", "4,true"})
  void loadMatrix_anyRows_givesEachLaneItsPair(int count, boolean transposed) {
    // Element (row, column) of matrix m is 64 m + 8 row + column.
    StringBuilder body =
        new StringBuilder(
            """
            mov.u32 %r10, buffer;
            shl.b32 %r11, %r1, 4;
            add.s32 %r12, %r10, %r11;
            shl.b32 %r13, %r1, 3;
            mad.lo.s32 %r13, %r13, 65537, 65536;
            add.s32 %r14, %r13, 131074;
            add.s32 %r15, %r14, 131074;
            add.s32 %r16, %r15, 131074;
            st.shared.v4.u32 [%r12], {%r13,%r14,%r15,%r16};
            bar.warp.sync -1;
            mov.u32 %r21, 0;
            mov.u32 %r22, 0;
            mov.u32 %r23, 0;
            """);
    body.append(
            "ldmatrix.sync.aligned.m8n8.x%d%s.shared.b16 "
                .formatted(count, transposed ? ".trans" : ""))
        .append(list(20, count))
        .append(", [%r12];\n")
        .append(
            """
            mul.wide.u32 %rd10, %r1, 16;
            add.s64 %rd11, %rd2, %rd10;
            st.global.v4.u32 [%rd11], {%r20,%r21,%r22,%r23};
            """);
    int[] out =
        new TestKernel(".shared .align 16 .b8 buffer[512];", body.toString())
            .run(new int[1], 4 * LANES);
    for (int lane = 0; lane < LANES; lane++) {
      for (int m = 0; m < 4; m++) {
        int one = lane / 4;
        int other = lane % 4 * 2;
        int low = 64 * m + (transposed ? 8 * other + one : 8 * one + other);
        int high = low + (transposed ? 8 : 1);
        assertThat(out[4 * lane + m])
            .as("lane %d, matrix %d", lane, m)
            .isEqualTo(m < count ? low | high << 16 : 0);
      }
    }
  }

  // Breaks if the bytes beyond the given ones are not zeros, or more is read than is given.
  @Test
  void copyAsync_fewerBytesGiven_fillsWithZeros() {
    int[] out =
        new TestKernel(
                ".shared .align 16 .b8 buffer[512];",
                """
                mov.u32 %r10, buffer;
                shl.b32 %r11, %r1, 4;
                add.s32 %r12, %r10, %r11;
                and.b32 %r13, %r1, 3;
                shl.b32 %r14, %r13, 2;
                cp.async.cg.shared.global [%r12], [%rd1], 16, %r14;
                cp.async.wait_all;
                ld.shared.v4.u32 {%r20,%r21,%r22,%r23}, [%r12];
                mul.wide.u32 %rd10, %r1, 16;
                add.s64 %rd11, %rd2, %rd10;
                st.global.v4.u32 [%rd11], {%r20,%r21,%r22,%r23};
                """)
            .run(new int[] {7, 8, 9}, 4 * LANES);
    for (int lane = 0; lane < LANES; lane++) {
      for (int i = 0; i < 4; i++) {
        assertThat(out[4 * lane + i]).isEqualTo(i < lane % 4 ? 7 + i : 0);
      }
    }
  }
}
