// y[n,·] = norm(x[n,·]); x, y: (rows, columns). A warp a row. y may be x.
#include "norm.cuh"

template <typename T>
__device__ void norm(
    const T* x,
    int xStride,
    const T* weight,
    const T* bias,
    float epsilon,
    int kind,
    T* y,
    int yStride,
    int columns,
    int rows,
    const int* count) {
  int n = warpRow();
  if (n >= trueCount(rows, count)) {
    return;
  }
  Source<T> from(x, xStride);
  auto read = [&](int column, int valid, float(&numbers)[CHUNK]) {
    from.load(n, column, valid, numbers);
  };
  normalize(read, Norm<T>(weight, bias, epsilon, kind), Target<T>(y, yStride), n, columns);
}

#define NORM(T)                                                                            \
  (const T* x, int xStride, const T* weight, const T* bias, float epsilon, int kind, T* y, \
   int yStride, int columns, int rows, const int* count)
#define NORM_BODY norm(x, xStride, weight, bias, epsilon, kind, y, yStride, columns, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, norm_f32, float, NORM, NORM_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, norm_f16, f16, NORM, NORM_BODY)
COFFEY_BF16_ENTRY(ROW_RESIDENTS, norm_bf16, bf16, NORM, NORM_BODY)
