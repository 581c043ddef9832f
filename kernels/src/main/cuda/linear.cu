// y[n,o] = act(Σ_i x[n,i]·w[o,i] + bias[o]) (+ residual[n,o]); x: (rows, inputs), w: (outputs, inputs) packed as README.md says, y: (rows, outputs). y may be residual.
//
// A CTA computes a tile of TILE x TILE outputs, each of its four warps a quarter. K passes through shared memory in steps, STAGES - 1 of them on their way while one is
// multiplied; one barrier a step. The 128x128 tile is for many rows: 64x64 a warp is 32 matrix instructions for 8 loads of fragments. The smaller ones are for
// few rows, where more CTAs matter more than how often a number is loaded; so they hold more bytes in flight. All tiles add in the same order.
#include "functions.cuh"
#include "product.cuh"

template <int TILE>
struct Pipeline;

// Pieces of 16 bytes that a step takes of each row, and how many steps are held: 48 KiB, which every card grants without being asked.
template <>
struct Pipeline<128> {
  static constexpr int PIECES = 4, STAGES = 3, RESIDENTS = 2;
};

template <>
struct Pipeline<64> {
  static constexpr int PIECES = 8, STAGES = 3, RESIDENTS = 4;
};

template <>
struct Pipeline<32> {
  static constexpr int PIECES = 8, STAGES = 6, RESIDENTS = 4;
};

// The packed weights' rows are eight pieces long.
constexpr int PANEL_PIECES = 8;

// One thread's share in copying rows of x, and below of w: one piece of every ROWS_AT_ONCE-th row of the tile.
template <typename T, int TILE>
class Copier {
 public:
  __device__ Copier(const T* x, int xStride, int rows, const T* w, int packedOutputs, int firstOutput, int outputs, int inputs)
      : row(threadIdx.x / PIECES),
        piece(threadIdx.x % PIECES),
        xAt(x + static_cast<long long>(blockIdx.y * TILE + row) * xStride + piece * NUMBERS),
        xStep(static_cast<long long>(ROWS_AT_ONCE) * xStride),
        xAligned(isAligned(x, xStride)),
        rows(rows - static_cast<int>(blockIdx.y) * TILE - row),
        wAt(reinterpret_cast<const uint4*>(w) + static_cast<long long>(firstOutput + blockIdx.x * TILE + row) * PANEL_PIECES),
        permutation((firstOutput + blockIdx.x * TILE + row) % 8),
        panelStep(static_cast<long long>(packedOutputs) * PANEL_PIECES),
        outputs(outputs - static_cast<int>(blockIdx.x) * TILE - row),
        inputs(inputs - piece * NUMBERS) {}

  // Starts copying step `step` of K to `a` and `b`.
  __device__ void copy(int step, uint4* a, uint4* b) const {
    int first = step * PIECES * NUMBERS;
    int panelPiece = (step * PIECES + piece) % PANEL_PIECES ^ permutation;
    const uint4* panel = wAt + step * PIECES / PANEL_PIECES * panelStep + panelPiece;
#pragma unroll
    for (int i = 0; i < TILE / ROWS_AT_ONCE; i++) {
      int at = place<PIECES>(row + i * ROWS_AT_ONCE, piece);
      copyPiece(a + at, xAt + i * xStep + first, i * ROWS_AT_ONCE < rows ? inputs - first : 0, xAligned);
      copyAsync(b + at, panel + i * ROWS_AT_ONCE * PANEL_PIECES, i * ROWS_AT_ONCE < outputs ? 16 : 0);
    }
  }

 private:
  static constexpr int PIECES = Pipeline<TILE>::PIECES;
  static constexpr int NUMBERS = 16 / sizeof(T);
  static constexpr int ROWS_AT_ONCE = BLOCK / PIECES;

  int row;
  int piece;
  const T* xAt;
  long long xStep;
  bool xAligned;
  int rows;
  const uint4* wAt;
  int permutation;
  long long panelStep;
  int outputs;
  int inputs;
};

template <int TILE, typename T>
__device__ void linear(
    const T* x, int xStride, const T* w, int packedOutputs, int firstOutput, const T* bias, const T* residual, int residualStride, T* y, int yStride,
    int activation, int inputs, int outputs, int rows, const int* count) {
  constexpr int PIECES = Pipeline<TILE>::PIECES;
  constexpr int STAGES = Pipeline<TILE>::STAGES;
  constexpr int QUARTER = TILE / 2;
  __shared__ __align__(128) uint4 shared[STAGES][2][TILE * PIECES];
  static_assert(sizeof(shared) >= QUARTER * TILE * sizeof(float), "half of the tile is staged at once");

  rows = trueCount(rows, count);
  int firstRow = blockIdx.y * TILE;
  int firstColumn = blockIdx.x * TILE;
  if (firstRow >= rows) {
    return;
  }
  int warp = threadIdx.x / WARP;
  Copier<T, TILE> copier(x, xStride, rows, w, packedOutputs, firstOutput, outputs, inputs);
  constexpr int NUMBERS = PIECES * 16 / sizeof(T);
  int steps = (inputs + NUMBERS - 1) / NUMBERS;
#pragma unroll
  for (int step = 0; step < STAGES - 1; step++) {
    if (step < steps) {
      copier.copy(step, shared[step][0], shared[step][1]);
    }
    commitCopies();
  }
  Product<T, QUARTER> product;
  int slot = 0;
  int freeSlot = STAGES - 1;
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    waitForCopies<STAGES - 2>();
    // Behind it this step's numbers are there, and nobody reads the slot of the step before.
    __syncthreads();
    if (step + STAGES - 1 < steps) {
      copier.copy(step + STAGES - 1, shared[freeSlot][0], shared[freeSlot][1]);
    }
    commitCopies();
    product.template add<PIECES>(shared[slot][0], warp / 2 * QUARTER, shared[slot][1], warp % 2 * QUARTER);
    freeSlot = slot;
    slot = slot + 1 == STAGES ? 0 : slot + 1;
  }

  float* staged = reinterpret_cast<float*>(shared);
  Source<T> biases(bias, 0);
  Source<T> residuals(residual, residualStride);
  Target<T> to(y, yStride);
#pragma unroll 1
  for (int half = 0; half < 2; half++) {
    __syncthreads();
    if (warp / 2 == half) {
      product.template stage<TILE>(staged, warp % 2 * QUARTER);
    }
    __syncthreads();
#pragma unroll 1
    for (int at = threadIdx.x * CHUNK; at < QUARTER * TILE; at += BLOCK * CHUNK) {
      int n = firstRow + half * QUARTER + at / TILE;
      int o = firstColumn + at % TILE;
      int valid = min(CHUNK, outputs - o);
      if (n < rows && valid > 0) {
        float numbers[CHUNK];
        float others[CHUNK];
        loadWhole(staged + stagedAt<TILE>(at / TILE, at % TILE), numbers);
        if (bias != nullptr) {
          biases.load(0, o, valid, others);
#pragma unroll
          for (int i = 0; i < CHUNK; i++) {
            numbers[i] += others[i];
          }
        }
        activate(activation, numbers);
        if (residual != nullptr) {
          residuals.load(n, o, valid, others);
#pragma unroll
          for (int i = 0; i < CHUNK; i++) {
            numbers[i] += others[i];
          }
        }
        to.store(n, o, valid, numbers);
      }
    }
  }
}

#define LINEAR(T)                                                                                                                        \
  (const T* x, int xStride, const T* w, int packedOutputs, int firstOutput, const T* bias, const T* residual, int residualStride, T* y, \
   int yStride, int activation, int inputs, int outputs, int rows, const int* count)
#define LINEAR_BODY(TILE)                                                                                                                 \
  linear<TILE>(x, xStride, w, packedOutputs, firstOutput, bias, residual, residualStride, y, yStride, activation, inputs, outputs, rows, \
               count)
COFFEY_ENTRY(Pipeline<128>::RESIDENTS, linear_f32_128x128, float, LINEAR, LINEAR_BODY(128))
COFFEY_ENTRY(Pipeline<64>::RESIDENTS, linear_f32_64x64, float, LINEAR, LINEAR_BODY(64))
COFFEY_ENTRY(Pipeline<32>::RESIDENTS, linear_f32_32x32, float, LINEAR, LINEAR_BODY(32))
COFFEY_ENTRY(Pipeline<128>::RESIDENTS, linear_f16_128x128, f16, LINEAR, LINEAR_BODY(128))
COFFEY_ENTRY(Pipeline<64>::RESIDENTS, linear_f16_64x64, f16, LINEAR, LINEAR_BODY(64))
COFFEY_ENTRY(Pipeline<32>::RESIDENTS, linear_f16_32x32, f16, LINEAR, LINEAR_BODY(32))
COFFEY_BF16_ENTRY(Pipeline<128>::RESIDENTS, linear_bf16_128x128, bf16, LINEAR, LINEAR_BODY(128))
COFFEY_BF16_ENTRY(Pipeline<64>::RESIDENTS, linear_bf16_64x64, bf16, LINEAR, LINEAR_BODY(64))
COFFEY_BF16_ENTRY(Pipeline<32>::RESIDENTS, linear_bf16_32x32, bf16, LINEAR, LINEAR_BODY(32))
