// Tiles in shared memory.
#pragma once

#include "rows.cuh"

// The place, counted in pieces of 16 bytes, of piece p of row r in a tile whose rows have PIECES of them (4, 8 or 16). Pieces are permuted so that the same piece of eight
// consecutive rows lies in eight different groups of banks: ldmatrix and 16-byte loads down a column then have no conflict.
template <int PIECES>
__device__ inline int place(int row, int piece) {
  constexpr int ROWS_PER_LINE = PIECES < 8 ? 8 / PIECES : 1;
  constexpr int PERMUTED = PIECES < 8 ? PIECES : 8;
  return row * PIECES + (piece ^ (row / ROWS_PER_LINE % PERMUTED));
}

// Puts `bits` before the others and drops the last.
__device__ inline void push(uint4& piece, unsigned short bits) {
  piece.w = piece.w << 16 | piece.z >> 16;
  piece.z = piece.z << 16 | piece.y >> 16;
  piece.y = piece.y << 16 | piece.x >> 16;
  piece.x = piece.x << 16 | bits;
}

__device__ inline void push(uint4& piece, f16 number) { push(piece, number.bits); }

__device__ inline void push(uint4& piece, bf16 number) { push(piece, number.bits); }

__device__ inline void push(uint4& piece, float number) { piece = make_uint4(__float_as_uint(number), piece.x, piece.y, piece.z); }

// The first `valid` numbers at any address, then zeros: number by number, each pushing the later ones along.
template <typename T>
__device__ inline uint4 readPiece(const T* from, int valid) {
  uint4 piece = make_uint4(0, 0, 0, 0);
#pragma unroll 1
  for (int i = valid - 1; i >= 0; i--) {
    push(piece, from[i]);
  }
  return piece;
}

// Starts copying a piece of a row, of which `valid` numbers are there (less than none or more than a piece counts as none or a piece); zeros follow them. Visible after
// commit, wait and barrier.
template <typename T>
__device__ inline void copyPiece(uint4* shared, const T* from, int valid, bool aligned) {
  valid = max(0, min(static_cast<int>(16 / sizeof(T)), valid));
  if (aligned) {
    copyAsync(shared, from, valid * sizeof(T));
  } else {
    *shared = readPiece(from, valid);
  }
}
