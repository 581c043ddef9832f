// One row a text, of its rows from first to last; x: (tokens, columns), y: (texts, columns). A CTA
// for 128 columns of a text, a thread a column.
#include "rows.cuh"

enum Pooling { CLS = 0, MEAN = 1, MAX = 2, MEAN_SQRT_LEN = 3, WEIGHTED_MEAN = 4, LAST_TOKEN = 5 };

template <typename T>
__device__ void pool(
    const T* x,
    int xStride,
    const int* offsets,
    T* y,
    int yStride,
    int pooling,
    int columns,
    int texts,
    const int* count) {
  int text = blockIdx.x;
  int column = blockIdx.y * BLOCK + threadIdx.x;
  if (text >= trueCount(texts, count) || column >= columns) {
    return;
  }
  int first = offsets[text];
  int end = offsets[text + 1];
  int rows = end - first;
  const T* at = x + static_cast<long long>(first) * xStride + column;
  T* to = y + static_cast<long long>(text) * yStride + column;
  if (pooling == CLS) {
    *to = *at;
    return;
  }
  if (pooling == LAST_TOKEN) {
    *to = at[static_cast<long long>(rows - 1) * xStride];
    return;
  }
  float result = pooling == MAX ? -INFINITY : 0;
#pragma unroll 4
  for (int i = 0; i < rows; i++) {
    float number = toFloat(at[static_cast<long long>(i) * xStride]);
    if (pooling == MAX) {
      result = larger(number, result);
    } else {
      result = fmaf(number, pooling == WEIGHTED_MEAN ? i + 1 : 1, result);
    }
  }
  if (pooling == MEAN) {
    result /= rows;
  } else if (pooling == MEAN_SQRT_LEN) {
    result /= sqrtf(rows);
  } else if (pooling == WEIGHTED_MEAN) {
    result /= 0.5f * (static_cast<long long>(rows) * (rows + 1));
  }
  *to = fromFloat<T>(result);
}

#define POOL(T)                                                                              \
  (const T* x, int xStride, const int* offsets, T* y, int yStride, int pooling, int columns, \
   int texts, const int* count)
#define POOL_BODY pool(x, xStride, offsets, y, yStride, pooling, columns, texts, count)
COFFEY_ENTRY(ROW_RESIDENTS, pool_f32, float, POOL, POOL_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, pool_f16, f16, POOL, POOL_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, pool_bf16, bf16, POOL, POOL_BODY)
