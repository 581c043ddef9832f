// Tiles in shared memory.
#pragma once

#include "rows.cuh"

// Tiles consist of pieces: 16 bytes, what is copied at once and what a row of a matrix
// instruction's 8x8 matrix is.
constexpr int PIECE = 16;

// The offset in bytes of piece p of row r in a tile whose rows have PIECES of them (4 or more).
// Pieces are permuted so that the same piece of eight consecutive rows lies in eight different
// groups of banks: ldmatrix and 16-byte loads down a column then have no conflict. Eight rows
// further down is 8 · PIECES · PIECE bytes further.
template <int PIECES>
__device__ inline unsigned place(int row, int piece) {
  constexpr int ROWS_PER_LINE = PIECES < 8 ? 8 / PIECES : 1;
  constexpr int PERMUTED = PIECES < 8 ? PIECES : 8;
  return (row * PIECES + (piece ^ (row / ROWS_PER_LINE % PERMUTED))) * PIECE;
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

__device__ inline void push(uint4& piece, float number) {
  piece = make_uint4(__float_as_uint(number), piece.x, piece.y, piece.z);
}

// The first `valid` numbers at any address, then zeros: number by number, each pushing the later
// ones along.
template <typename T>
__device__ inline uint4 readPiece(const T* from, int valid) {
  uint4 piece = make_uint4(0, 0, 0, 0);
#pragma unroll 1
  for (int i = valid - 1; i >= 0; i--) {
    push(piece, from[i]);
  }
  return piece;
}

// Whether rows can be copied in whole pieces: none begins off a multiple of 16 bytes, or ends
// within a piece.
template <typename T>
__device__ inline bool hasWholePieces(const T* first, int stride, int columns) {
  return isAligned(first, stride) && columns * sizeof(T) % 16 == 0;
}

// How many numbers of a piece are there if `valid` are there from its first on.
template <typename T>
__device__ inline int withinPiece(int valid) {
  return max(0, min(static_cast<int>(16 / sizeof(T)), valid));
}
