// y[n,·] = x[n,·] / max(‖x[n,·]‖₂, 1e-12); x, y: (rows, columns). A warp a row. y may be x.
#include "rows.cuh"

template <typename T>
__device__ void l2Normalize(
    const T* x, int xStride, T* y, int yStride, int columns, int rows, const int* count) {
  int n = warpRow();
  if (n >= trueCount(rows, count)) {
    return;
  }
  Source<T> from(x, xStride);
  Target<T> to(y, yStride);
  float largest = 0;
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      largest = larger(fabsf(numbers[i]), largest);
    }
  });
  largest = warpMax(largest);
  // Squares of numbers beyond 1.8e19 overflow fp32, and those below 1e-19 vanish: such a row is
  // scaled first. NaN and infinity stay what they are.
  bool scaled =
      (largest > 0 && largest < 1e-15f) || (largest > 1e15f && largest <= 3.402823466e38f);
  float unit = scaled ? largest : 1;
  float squares = 0;
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      float part = numbers[i] / unit;
      squares = fmaf(part, part, squares);
    }
  });
  float root = sqrtf(warpSum(squares));
  float least = 1e-12f / unit;
  float length = root < least ? least : root;
  forChunks(columns, [&](int column, int valid) {
    float numbers[CHUNK];
    from.load(n, column, valid, numbers);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      numbers[i] = numbers[i] / unit / length;
    }
    to.store(n, column, valid, numbers);
  });
}

#define L2_NORMALIZE(T) \
  (const T* x, int xStride, T* y, int yStride, int columns, int rows, const int* count)
#define L2_NORMALIZE_BODY l2Normalize(x, xStride, y, yStride, columns, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, l2_normalize_f32, float, L2_NORMALIZE, L2_NORMALIZE_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, l2_normalize_f16, f16, L2_NORMALIZE, L2_NORMALIZE_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, l2_normalize_bf16, bf16, L2_NORMALIZE, L2_NORMALIZE_BODY)
