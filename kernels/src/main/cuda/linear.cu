// y[n,o] = act(Σ_i x[n,i]·w[o,i] + bias[o]) (+ residual[n,o]); x: (rows, inputs), w: (outputs,
// inputs) packed as README.md says, y: (rows, outputs). y may be residual.
//
// A CTA computes a tile of TILE x TILE outputs, each of its four warps a quarter. K passes through
// shared memory in steps, STAGES - 1 of them on their way while one is multiplied; one barrier a
// step. The 128x128 tile is for many rows: 64x64 a warp is 32 matrix instructions for 8 loads of
// fragments. The smaller ones are for few rows, where more CTAs matter more than how often a number
// is loaded; so they hold more bytes in flight. All tiles add in the same order.
#include "functions.cuh"
#include "product.cuh"

template <int TILE>
struct Pipeline;

// PIECES of 16 bytes that a step takes of each row, and how many steps are held: 48 KiB, which
// every card grants without being asked. On sm_75, where copies aren't asynchronous and a
// multiprocessor has 64 KiB, two steps: room for a second CTA, which computes while the first
// waits.
#if __CUDA_ARCH__ >= 800
constexpr int LARGE_STAGES = 3;
constexpr int SMALL_STAGES = 6;
#else
constexpr int LARGE_STAGES = 2;
constexpr int SMALL_STAGES = 2;
#endif

template <>
struct Pipeline<128> {
  static constexpr int PIECES = 4, STAGES = LARGE_STAGES, RESIDENTS = 2;
};

template <>
struct Pipeline<64> {
  static constexpr int PIECES = 8, STAGES = LARGE_STAGES, RESIDENTS = 4;
};

template <>
struct Pipeline<32> {
  static constexpr int PIECES = 8, STAGES = SMALL_STAGES, RESIDENTS = 4;
};

// The packed weights' rows are eight pieces long.
constexpr int PANEL_PIECES = 8;

// One thread's share in copying: the same piece of every ROWS_AT_ONCE-th row of the tile of x and
// of the tile of w. Beyond the last row, the last is read again: what comes of it is not written,
// and no copy needs to ask.
template <typename T, int TILE>
class Copier {
 public:
  __device__ Copier(
      const T* x,
      int xStride,
      int rows,
      const T* w,
      int packedOutputs,
      int firstOutput,
      int outputs,
      int inputs)
      : xTile(x + static_cast<long long>(blockIdx.y * TILE) * xStride),
        xWhole(hasWholePieces(x, xStride, inputs)),
        wTile(
            reinterpret_cast<const char*>(w) +
            static_cast<long long>(firstOutput + blockIdx.x * TILE) * PANEL_PIECES * PIECE),
        panelStep(static_cast<long long>(packedOutputs) * PANEL_PIECES * PIECE) {
    int row = threadIdx.x / PIECES;
    int piece = threadIdx.x % PIECES;
    int lastRow = rows - 1 - blockIdx.y * TILE;
    int lastOutput = outputs - 1 - blockIdx.x * TILE;
    int permutation = (firstOutput + blockIdx.x * TILE + row) % PANEL_PIECES;
    target = place<PIECES>(row, piece);
    left = inputs - piece * NUMBERS;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      xOffsets[i] = (min(row + i * ROWS_AT_ONCE, lastRow) * xStride + piece * NUMBERS) * sizeof(T);
      wOffsets[i] =
          (min(row + i * ROWS_AT_ONCE, lastOutput) * PANEL_PIECES + (piece ^ permutation)) * PIECE;
    }
  }

  // Starts copying step `step` of K to the tiles at the shared addresses a and b.
  __device__ void copy(int step, unsigned a, unsigned b) const {
    int first = step * PIECES * NUMBERS;
    const char* x = reinterpret_cast<const char*>(xTile + first);
    if (xWhole) {
#pragma unroll
      for (int i = 0; i < COPIES; i++) {
        copyAsync(a + target + i * ROWS_AT_ONCE * PIECES * PIECE, x + xOffsets[i], first < left);
      }
    } else {
#pragma unroll
      for (int i = 0; i < COPIES; i++) {
        storeShared(
            a + target + i * ROWS_AT_ONCE * PIECES * PIECE,
            readPiece(reinterpret_cast<const T*>(x + xOffsets[i]), withinPiece<T>(left - first)));
      }
    }
    const char* panel = wTile + step * PIECES / PANEL_PIECES * panelStep;
    // Pieces are permuted within eight: the second half of a panel is found by flipping the bit
    // that tells the halves apart.
    unsigned half = step * PIECES % PANEL_PIECES * PIECE;
#pragma unroll
    for (int i = 0; i < COPIES; i++) {
      copyAsync(b + target + i * ROWS_AT_ONCE * PIECES * PIECE, panel + (wOffsets[i] ^ half), true);
    }
  }

 private:
  static constexpr int PIECES = Pipeline<TILE>::PIECES;
  static constexpr int NUMBERS = PIECE / sizeof(T);
  static constexpr int ROWS_AT_ONCE = BLOCK / PIECES;
  static constexpr int COPIES = TILE / ROWS_AT_ONCE;

  const T* xTile;
  bool xWhole;
  const char* wTile;
  long long panelStep;
  unsigned target;
  // Numbers of a row of x from this thread's piece on.
  int left;
  unsigned xOffsets[COPIES];
  unsigned wOffsets[COPIES];
};

template <int TILE, typename T>
__device__ void linear(
    const T* x,
    int xStride,
    const T* w,
    int packedOutputs,
    int firstOutput,
    const T* bias,
    const T* residual,
    int residualStride,
    T* y,
    int yStride,
    int activation,
    int inputs,
    int outputs,
    int rows,
    const int* count) {
  constexpr int PIECES = Pipeline<TILE>::PIECES;
  constexpr int STAGES = Pipeline<TILE>::STAGES;
  constexpr int QUARTER = TILE / 2;
  constexpr int TILE_BYTES = TILE * PIECES * PIECE;
  __shared__ __align__(128) char shared[STAGES * 2 * TILE_BYTES];
  static_assert(
      sizeof(shared) >= QUARTER * TILE * sizeof(float), "half of the tile is staged at once");

  rows = trueCount(rows, count);
  int firstRow = blockIdx.y * TILE;
  int firstColumn = blockIdx.x * TILE;
  if (firstRow >= rows) {
    return;
  }
  int warp = threadIdx.x / WARP;
  Copier<T, TILE> copier(x, xStride, rows, w, packedOutputs, firstOutput, outputs, inputs);
  constexpr int NUMBERS = PIECES * PIECE / sizeof(T);
  int steps = (inputs + NUMBERS - 1) / NUMBERS;
  unsigned tiles = sharedAddress(shared);
#pragma unroll
  for (int step = 0; step < STAGES - 1; step++) {
    if (step < steps) {
      copier.copy(step, tiles + step * 2 * TILE_BYTES, tiles + step * 2 * TILE_BYTES + TILE_BYTES);
    }
    commitCopies();
  }
  Product<T, QUARTER, PIECES> product(warp / 2 * QUARTER, warp % 2 * QUARTER);
  unsigned slot = tiles;
  unsigned freeSlot = tiles + (STAGES - 1) * 2 * TILE_BYTES;
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    waitForCopies<STAGES - 2>();
    // Behind it this step's numbers are there, and nobody reads the slot of the step before.
    __syncthreads();
    if (step + STAGES - 1 < steps) {
      copier.copy(step + STAGES - 1, freeSlot, freeSlot + TILE_BYTES);
    }
    commitCopies();
    product.add(slot, slot + TILE_BYTES);
    freeSlot = slot;
    slot = slot == tiles + (STAGES - 1) * 2 * TILE_BYTES ? tiles : slot + 2 * TILE_BYTES;
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

#define LINEAR(T)                                                                          \
  (const T* x, int xStride, const T* w, int packedOutputs, int firstOutput, const T* bias, \
   const T* residual, int residualStride, T* y, int yStride, int activation, int inputs,   \
   int outputs, int rows, const int* count)
#define LINEAR_BODY(TILE)                                                                    \
  linear<TILE>(                                                                              \
      x, xStride, w, packedOutputs, firstOutput, bias, residual, residualStride, y, yStride, \
      activation, inputs, outputs, rows, count)
COFFEY_ENTRY(Pipeline<128>::RESIDENTS, linear_f32_128x128, float, LINEAR, LINEAR_BODY(128))
COFFEY_ENTRY(Pipeline<64>::RESIDENTS, linear_f32_64x64, float, LINEAR, LINEAR_BODY(64))
COFFEY_ENTRY(Pipeline<32>::RESIDENTS, linear_f32_32x32, float, LINEAR, LINEAR_BODY(32))
COFFEY_ENTRY(Pipeline<128>::RESIDENTS, linear_f16_128x128, f16, LINEAR, LINEAR_BODY(128))
COFFEY_ENTRY(Pipeline<64>::RESIDENTS, linear_f16_64x64, f16, LINEAR, LINEAR_BODY(64))
COFFEY_ENTRY(Pipeline<32>::RESIDENTS, linear_f16_32x32, f16, LINEAR, LINEAR_BODY(32))
COFFEY_BF16_ENTRY(Pipeline<128>::RESIDENTS, linear_bf16_128x128, bf16, LINEAR, LINEAR_BODY(128))
COFFEY_BF16_ENTRY(Pipeline<64>::RESIDENTS, linear_bf16_64x64, bf16, LINEAR, LINEAR_BODY(64))
COFFEY_BF16_ENTRY(Pipeline<32>::RESIDENTS, linear_bf16_32x32, bf16, LINEAR, LINEAR_BODY(32))
