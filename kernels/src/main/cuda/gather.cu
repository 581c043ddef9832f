// y[n,·] = table[index[n],·]; table: (R, columns), y: (rows, columns). A warp a row.
#include "rows.cuh"

template <typename T>
__device__ void gather(
    const T* table,
    int tableStride,
    const int* index,
    T* y,
    int yStride,
    int columns,
    int rows,
    const int* count) {
  int n = warpRow();
  if (n >= trueCount(rows, count)) {
    return;
  }
  Source<T> from(table, tableStride);
  Target<T> to(y, yStride);
  int row = index[n];
  forChunks(columns, [&](int column, int valid) {
    // Through fp32, which holds every 16-bit number exactly.
    float numbers[CHUNK];
    from.load(row, column, valid, numbers);
    to.store(n, column, valid, numbers);
  });
}

#define GATHER(T)                                                                               \
  (const T* table, int tableStride, const int* index, T* y, int yStride, int columns, int rows, \
   const int* count)
#define GATHER_BODY gather(table, tableStride, index, y, yStride, columns, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, gather_f32, float, GATHER, GATHER_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, gather_f16, f16, GATHER, GATHER_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, gather_bf16, bf16, GATHER, GATHER_BODY)
