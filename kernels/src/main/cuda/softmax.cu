// y[n,j] = exp(x[n,j] − max x[n,·]) / Σ_k exp(x[n,k] − max x[n,·]); x, y: (rows, columns). A warp a
// row. y may be x.
#include "rows.cuh"

template <typename T>
__device__ void softmax(
    const T* x, int xStride, T* y, int yStride, int columns, int rows, const int* count) {
  int n = warpRow();
  if (n >= trueCount(rows, count)) {
    return;
  }
  Source<T> from(x, xStride);
  Target<T> to(y, yStride);
  float max = -INFINITY;
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      if (i < valid) {
        max = larger(numbers[i], max);
      }
    }
  });
  max = warpMax(max);
  float sum = 0;
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      sum += i < valid ? expf(numbers[i] - max) : 0;
    }
  });
  sum = warpSum(sum);
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      numbers[i] = expf(numbers[i] - max) / sum;
    }
    to.store(n, column, valid, numbers);
  });
}

#define SOFTMAX(T) \
  (const T* x, int xStride, T* y, int yStride, int columns, int rows, const int* count)
#define SOFTMAX_BODY softmax(x, xStride, y, yStride, columns, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, softmax_f32, float, SOFTMAX, SOFTMAX_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, softmax_f16, f16, SOFTMAX, SOFTMAX_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, softmax_bf16, bf16, SOFTMAX, SOFTMAX_BODY)
