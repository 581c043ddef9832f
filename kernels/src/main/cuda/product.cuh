// A warp's part of a matrix product: SIZE x SIZE sums c[m,n] = Σ_k a[m,k]·b[n,k] in registers, from tiles in shared memory whose rows are K. Sums go through K
// from 0 up, 16 at a time (f16, bf16) or one at a time (f32), whatever SIZE.
#pragma once

#include "tiles.cuh"

// The sums pass through shared memory on their way out, so that rows are written in whole chunks: SIZE rows of COLUMNS numbers, the chunks of a row permuted so that
// no store has a conflict.
template <int COLUMNS>
__device__ inline int stagedAt(int row, int column) {
  return row * COLUMNS + (column ^ row % 4 * CHUNK);
}

template <typename T, int SIZE>
class Product {
 public:
  // Adds the product of SIZE rows of a from aRow and SIZE rows of b from bRow, over the PIECES · 8 numbers of K that the tiles hold.
  template <int PIECES>
  __device__ void add(const uint4* a, int aRow, const uint4* b, int bRow) {
#pragma unroll
    for (int k = 0; k < PIECES; k += 2) {
      unsigned left[SIZE / 16][4];
      unsigned right[SIZE / 16][4];
#pragma unroll
      for (int i = 0; i < SIZE / 16; i++) {
        loadMatrices(left[i], a + place<PIECES>(aRow + i * 16 + lane() % 16, k + lane() / 16));
      }
#pragma unroll
      for (int j = 0; j < SIZE / 16; j++) {
        loadMatrices(right[j], b + place<PIECES>(bRow + j * 16 + lane() / 16 * 8 + lane() % 8, k + lane() / 8 % 2));
      }
#pragma unroll
      for (int i = 0; i < SIZE / 16; i++) {
#pragma unroll
        for (int j = 0; j < SIZE / 8; j++) {
          multiply<T>(sums[i][j], left[i], right[j / 2][j % 2 * 2], right[j / 2][j % 2 * 2 + 1]);
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
          int at = stagedAt<COLUMNS>(i * 16 + half * 8 + lane() / 4, column + j * 8 + lane() % 4 * 2);
          *reinterpret_cast<float2*>(staged + at) = make_float2(sums[i][j][half * 2], sums[i][j][half * 2 + 1]);
        }
      }
    }
  }

 private:
  float sums[SIZE / 16][SIZE / 8][4] = {};
};

// A lane has every fourth row and every eighth column.
template <int SIZE>
class Product<float, SIZE> {
 public:
  template <int PIECES>
  __device__ void add(const uint4* a, int aRow, const uint4* b, int bRow) {
#pragma unroll 1
    for (int k = 0; k < PIECES; k++) {
      float4 right[COLUMNS_PER_LANE];
#pragma unroll
      for (int j = 0; j < COLUMNS_PER_LANE; j++) {
        right[j] = *reinterpret_cast<const float4*>(b + place<PIECES>(bRow + j * 8 + lane() % 8, k));
      }
#pragma unroll
      for (int i = 0; i < ROWS_PER_LANE; i++) {
        float4 left = *reinterpret_cast<const float4*>(a + place<PIECES>(aRow + i * 4 + lane() / 8, k));
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
  float sums[ROWS_PER_LANE][COLUMNS_PER_LANE] = {};
};
