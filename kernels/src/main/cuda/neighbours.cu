// y[n,·] = [x[n−1,·], x[n,·], x[n+1,·]], a neighbour only if it is of the same text and its
// position differs by one, zeros else; x: (rows, columns), y: (rows, 3·columns). A warp a row.
#include "rows.cuh"

template <typename T>
__device__ void neighbours(
    const T* x,
    int xStride,
    const int* position,
    const int* offsets,
    T* y,
    int yStride,
    int columns,
    int texts,
    const int* textCount,
    int rows,
    const int* count) {
  int n = warpRow();
  if (n >= trueCount(rows, count)) {
    return;
  }
  int text = findText(trueCount(texts, textCount), n, [&](int t) { return offsets[t]; });
  Source<T> from(x, xStride);
#pragma unroll 1
  for (int third = 0; third < 3; third++) {
    int row = n + third - 1;
    bool inText = row >= offsets[text] && row < offsets[text + 1];
    bool adjacent = inText && position[row] - position[n] == row - n;
    Target<T> to(y + third * columns, yStride);
    forChunks(columns, [&](int column, int valid) {
      float numbers[CHUNK] = {};
      if (adjacent) {
        from.load(row, column, valid, numbers);
      }
      to.store(n, column, valid, numbers);
    });
  }
}

#define NEIGHBOURS(T)                                                                   \
  (const T* x, int xStride, const int* position, const int* offsets, T* y, int yStride, \
   int columns, int texts, const int* textCount, int rows, const int* count)
#define NEIGHBOURS_BODY \
  neighbours(x, xStride, position, offsets, y, yStride, columns, texts, textCount, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, neighbours_f32, float, NEIGHBOURS, NEIGHBOURS_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, neighbours_f16, f16, NEIGHBOURS, NEIGHBOURS_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, neighbours_bf16, bf16, NEIGHBOURS, NEIGHBOURS_BODY)
