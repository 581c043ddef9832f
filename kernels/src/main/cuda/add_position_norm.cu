// y[n,·] = norm(x[n,·] + positions[position[n],·] (+ types[type[n],·])); x, y: (rows, columns). A
// warp a row. y may be x.
#include "norm.cuh"

template <typename T>
__device__ void addPositionNorm(
    const T* x,
    int xStride,
    const T* positions,
    int positionsStride,
    const int* position,
    const T* types,
    int typesStride,
    const int* type,
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
  Source<T> token(x, xStride);
  Source<T> place(positions, positionsStride);
  Source<T> segment(types, typesStride);
  int placeRow = position[n];
  int segmentRow = types == nullptr ? 0 : type[n];
  auto read = [&](int column, int valid, float(&numbers)[CHUNK]) {
    float other[CHUNK];
    token.load(n, column, valid, numbers);
    place.load(placeRow, column, valid, other);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      numbers[i] += other[i];
    }
    if (types != nullptr) {
      segment.load(segmentRow, column, valid, other);
#pragma unroll
      for (int i = 0; i < CHUNK; i++) {
        numbers[i] += other[i];
      }
    }
  };
  normalize(read, Norm<T>(weight, bias, epsilon, kind), Target<T>(y, yStride), n, columns);
}

#define ADD_POSITION_NORM(T)                                                              \
  (const T* x, int xStride, const T* positions, int positionsStride, const int* position, \
   const T* types, int typesStride, const int* type, const T* weight, const T* bias,      \
   float epsilon, int kind, T* y, int yStride, int columns, int rows, const int* count)
#define ADD_POSITION_NORM_BODY                                                                  \
  addPositionNorm(                                                                              \
      x, xStride, positions, positionsStride, position, types, typesStride, type, weight, bias, \
      epsilon, kind, y, yStride, columns, rows, count)
COFFEY_ENTRY(ROW_RESIDENTS, add_position_norm_f32, float, ADD_POSITION_NORM, ADD_POSITION_NORM_BODY)
COFFEY_ENTRY(ROW_RESIDENTS, add_position_norm_f16, f16, ADD_POSITION_NORM, ADD_POSITION_NORM_BODY)
COFFEY_BF16_ENTRY(
    ROW_RESIDENTS, add_position_norm_bf16, bf16, ADD_POSITION_NORM, ADD_POSITION_NORM_BODY)
