// A warp's part of a matrix product: SIZE x SIZE sums c[m,n] = Σ_k a[m,k]·b[n,k] in registers, from
// tiles in shared memory whose rows are K. Sums go through K from 0 up, 16 at a time (f16, bf16) or
// one at a time (f32), whatever SIZE and PIECES, the length of the tiles' rows.
#pragma once

#include "tiles.cuh"

// The sums pass through shared memory on their way out, so that rows are written in whole chunks:
// SIZE rows of COLUMNS numbers, the chunks of a row permuted so that no store has a conflict.
template <int COLUMNS>
__device__ inline int stagedAt(int row, int column) {
  return row * COLUMNS + (column ^ row % 4 * CHUNK);
}

template <typename T, int SIZE, int PIECES>
class Product {
 public:
  // Of SIZE rows of tile a from aRow and SIZE rows of tile b from bRow, both multiples of 16.
  __device__ Product(int aRow, int bRow) {
#pragma unroll
    for (int k = 0; k < PIECES / 2; k++) {
      left[k] = place<PIECES>(aRow + lane() % 16, k * 2 + lane() / 16);
      right[k] = place<PIECES>(bRow + lane() / 16 * 8 + lane() % 8, k * 2 + lane() / 8 % 2);
    }
  }

  // Adds the product over the PIECES · 8 numbers of K that the tiles at the shared addresses a and
  // b hold.
  __device__ void add(unsigned a, unsigned b) {
#pragma unroll
    for (int k = 0; k < PIECES / 2; k++) {
      unsigned leftRows[SIZE / 16][4];
      unsigned rightRows[SIZE / 16][4];
#pragma unroll
      for (int i = 0; i < SIZE / 16; i++) {
        loadMatrices(leftRows[i], a + left[k] + i * 16 * PIECES * PIECE);
        loadMatrices(rightRows[i], b + right[k] + i * 16 * PIECES * PIECE);
      }
#pragma unroll
      for (int i = 0; i < SIZE / 16; i++) {
#pragma unroll
        for (int j = 0; j < SIZE / 8; j++) {
          multiply<T>(
              sums[i][j], leftRows[i], rightRows[j / 2][j % 2 * 2],
              rightRows[j / 2][j % 2 * 2 + 1]);
        }
      }
    }
  }

  // Writes the sums to columns from `column` of SIZE staged rows.
  template <int COLUMNS>
  __device__ void stage(float* staged, int column) const {
#pragma unroll
    for (int i = 0; i < SIZE / 16; i++) {
#pragma unroll
      for (int j = 0; j < SIZE / 8; j++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int at =
              stagedAt<COLUMNS>(i * 16 + half * 8 + lane() / 4, column + j * 8 + lane() % 4 * 2);
          *reinterpret_cast<float2*>(staged + at) =
              make_float2(sums[i][j][half * 2], sums[i][j][half * 2 + 1]);
        }
      }
    }
  }

 private:
  // Where this lane's addresses for ldmatrix begin, for each 16 numbers of K.
  unsigned left[PIECES / 2];
  unsigned right[PIECES / 2];
  float sums[SIZE / 16][SIZE / 8][4] = {};
};

// A lane has every fourth row and every eighth column.
template <int SIZE, int PIECES>
class Product<float, SIZE, PIECES> {
 public:
  __device__ Product(int aRow, int bRow) : aRow(aRow + lane() / 8), bRow(bRow + lane() % 8) {}

  __device__ void add(unsigned a, unsigned b) {
#pragma unroll 1
    for (int k = 0; k < PIECES; k++) {
      float4 right[COLUMNS_PER_LANE];
#pragma unroll
      for (int j = 0; j < COLUMNS_PER_LANE; j++) {
        right[j] = toFloats(loadShared(b + place<PIECES>(bRow + j * 8, k)));
      }
#pragma unroll
      for (int i = 0; i < ROWS_PER_LANE; i++) {
        float4 left = toFloats(loadShared(a + place<PIECES>(aRow + i * 4, k)));
#pragma unroll
        for (int j = 0; j < COLUMNS_PER_LANE; j++) {
          sums[i][j] = fmaf(left.x, right[j].x, sums[i][j]);
          sums[i][j] = fmaf(left.y, right[j].y, sums[i][j]);
          sums[i][j] = fmaf(left.z, right[j].z, sums[i][j]);
          sums[i][j] = fmaf(left.w, right[j].w, sums[i][j]);
        }
      }
    }
  }

  template <int COLUMNS>
  __device__ void stage(float* staged, int column) const {
#pragma unroll
    for (int i = 0; i < ROWS_PER_LANE; i++) {
#pragma unroll
      for (int j = 0; j < COLUMNS_PER_LANE; j++) {
        staged[stagedAt<COLUMNS>(i * 4 + lane() / 8, column + j * 8 + lane() % 8)] = sums[i][j];
      }
    }
  }

 private:
  static constexpr int ROWS_PER_LANE = SIZE / 4;
  static constexpr int COLUMNS_PER_LANE = SIZE / 8;
  int aRow;
  int bRow;
  float sums[ROWS_PER_LANE][COLUMNS_PER_LANE] = {};
};
