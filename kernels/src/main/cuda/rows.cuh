// Work on rows, a warp each. A lane takes chunks of 8 columns: lane l those from 8·l, 8·(l+32), ...
// Sums go through a lane's columns from left to right, then through the lanes by halving distance:
// an order that the width alone gives. The same whether a chunk is moved as a whole or number by
// number.
#pragma once

#include "storage.cuh"

constexpr int WARP = 32;
constexpr int BLOCK = 128;
constexpr int WARPS = BLOCK / WARP;
constexpr unsigned ALL_LANES = 0xffffffff;

__device__ inline int lane() { return threadIdx.x % WARP; }

// The row of this warp in a grid of WARPS rows a CTA.
__device__ inline int warpRow() { return blockIdx.x * WARPS + threadIdx.x / WARP; }

// What there really is of `bound` rows or texts.
__device__ inline int trueCount(int bound, const int* count) {
  return count == nullptr ? bound : min(bound, *count);
}

__device__ inline float warpSum(float x) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    x += __shfl_xor_sync(ALL_LANES, x, distance);
  }
  return x;
}

// NaN if either is.
__device__ inline float larger(float x, float y) { return x > y || x != x ? x : y; }

__device__ inline float warpMax(float x) {
#pragma unroll
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    x = larger(x, __shfl_xor_sync(ALL_LANES, x, distance));
  }
  return x;
}

// body(first column, how many) for each chunk of this lane.
template <class Body>
__device__ inline void forChunks(int columns, Body body) {
#pragma unroll 1
  for (int column = lane() * CHUNK; column < columns; column += WARP * CHUNK) {
    body(column, min(CHUNK, columns - column));
  }
}

// Whether an address can be read 16 bytes at a time, and rows `stride` elements apart too.
template <typename T>
__device__ inline bool isAligned(const T* address, int stride) {
  return (reinterpret_cast<unsigned long long>(address) | stride * sizeof(T)) % 16 == 0;
}

// A matrix in global memory that is read. Columns beyond `valid` read as zeros.
template <typename T>
class Source {
 public:
  __device__ Source(const T* first, int stride)
      : first(first), stride(stride), aligned(isAligned(first, stride)) {}

  __device__ void load(int row, int column, int valid, float (&numbers)[CHUNK]) const {
    const T* from = first + static_cast<long long>(row) * stride + column;
    if (aligned && valid == CHUNK) {
      loadWhole(from, numbers);
      return;
    }
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      numbers[i] = 0;
    }
    // Registers have no index: each number pushes the ones behind it along.
#pragma unroll 1
    for (int i = valid - 1; i >= 0; i--) {
#pragma unroll
      for (int j = CHUNK - 1; j > 0; j--) {
        numbers[j] = numbers[j - 1];
      }
      numbers[0] = toFloat(from[i]);
    }
  }

 private:
  const T* first;
  int stride;
  bool aligned;
};

// A matrix in global memory that is written. Columns beyond `valid` stay as they are.
template <typename T>
class Target {
 public:
  __device__ Target(T* first, int stride)
      : first(first), stride(stride), aligned(isAligned(first, stride)) {}

  // Leaves `numbers` undefined.
  __device__ void store(int row, int column, int valid, float (&numbers)[CHUNK]) const {
    T* to = first + static_cast<long long>(row) * stride + column;
    if (aligned && valid == CHUNK) {
      storeWhole(to, numbers);
      return;
    }
#pragma unroll 1
    for (int i = 0; i < valid; i++) {
      to[i] = fromFloat<T>(numbers[0]);
#pragma unroll
      for (int j = 0; j < CHUNK - 1; j++) {
        numbers[j] = numbers[j + 1];
      }
    }
  }

 private:
  T* first;
  int stride;
  bool aligned;
};

// The text t < texts whose range [start(t), start(t+1)) holds `index`; start(0) is 0 and start
// never falls. All lanes of a warp ask together and search 32 places at a time.
template <class Start>
__device__ inline int findText(int texts, int index, Start start) {
  int low = 0;
  int high = texts;
  while (high - low > 1) {
    int step = (high - low + WARP - 1) / WARP;
    int probe = low + lane() * step;
    unsigned begun = __ballot_sync(ALL_LANES, probe < high && start(probe) <= index);
    low += (WARP - 1 - __clz(begun)) * step;
    high = min(high, low + step);
  }
  return low;
}

// The entry `name` for one storage type: PARAMETERS(type) is its parameter list, then comes its
// body. A multiprocessor is to hold at least `residents` CTAs.
#define COFFEY_ENTRY(residents, name, type, PARAMETERS, ...)                             \
  extern "C" __global__ void __launch_bounds__(BLOCK, residents) name PARAMETERS(type) { \
    __VA_ARGS__;                                                                         \
  }
#if COFFEY_BF16
#define COFFEY_BF16_ENTRY(...) COFFEY_ENTRY(__VA_ARGS__)
#else
#define COFFEY_BF16_ENTRY(...)
#endif

// Of a kernel that waits for memory most of the time.
constexpr int ROW_RESIDENTS = 8;
