// For text t, head a and each query row n of t: y[n,a] = Σ_m softmax_m(q[n,a]·k[m,a] / √width) ·
// v[m,a], m over the key rows of t. q, y: (Q, heads·width), k, v: (T, heads·width), views with
// strides of their own; any width up to 128. A text without keys gives zeros.
//
// A CTA has up to 64 queries of one text and one head. Keys and values pass through shared memory
// in blocks, from the text's first key on, the next on its way while one is used: two blocks, so
// that all of a text of up to 128 tokens is there at once (width up to 64). Softmax is kept up as
// blocks come: the largest score so far, the sum of exponentials relative to it, and the weighted
// values, which are rescaled when it grows. Nothing that a query goes through depends on other
// texts.
#include "tiles.cuh"

constexpr int QUERIES = 64;
constexpr float LOG2_E = 1.4426950408889634f;

// What a CTA has to do.
struct Share {
  int firstQuery;
  int queries;
  int firstKey;
  int keys;
};

// Text t owns the CTAs from queryOffsets[t]/64 + t to the next one's; it needs no more, perhaps one
// less, and then `queries` is not above zero.
__device__ inline Share findShare(const int* queryOffsets, const int* keyOffsets, int texts) {
  int index = blockIdx.x;
  int text = findText(texts, index, [&](int t) { return queryOffsets[t] / QUERIES + t; });
  Share share;
  share.firstQuery = queryOffsets[text] + (index - queryOffsets[text] / QUERIES - text) * QUERIES;
  share.queries = min(QUERIES, queryOffsets[text + 1] - share.firstQuery);
  share.firstKey = keyOffsets[text];
  share.keys = keyOffsets[text + 1] - share.firstKey;
  return share;
}

// Starts copying `rows` rows of `width` numbers to a tile of ROWS rows of PIECES pieces; zeros
// beyond. `whole`: they have whole pieces.
template <int ROWS, int PIECES, typename T>
__device__ inline void copyRows(
    unsigned tile, const T* first, int stride, bool whole, int rows, int width) {
  constexpr int NUMBERS = PIECE / sizeof(T);
  constexpr int ROWS_AT_ONCE = BLOCK / PIECES;
  int row = threadIdx.x / PIECES;
  int piece = threadIdx.x % PIECES;
  int valid = withinPiece<T>(width - piece * NUMBERS);
  const T* from = first + static_cast<long long>(row) * stride + piece * NUMBERS;
  long long step = static_cast<long long>(ROWS_AT_ONCE) * stride;
  if (whole) {
#pragma unroll
    for (int i = 0; i < ROWS; i += ROWS_AT_ONCE) {
      copyAsync(
          tile + place<PIECES>(row + i % 8, piece) + i / 8 * 8 * PIECES * PIECE, from,
          valid > 0 && row + i < rows);
      from += step;
    }
  } else {
#pragma unroll 1
    for (int i = 0; i < ROWS; i += ROWS_AT_ONCE) {
      storeShared(
          tile + place<PIECES>(row + i, piece), readPiece(from, row + i < rows ? valid : 0));
      from += step;
    }
  }
}

// Keys and values of one text and head.
template <int KEYS, int PIECES, typename T>
class Memory {
 public:
  // Of a block's keys; its values follow them.
  static constexpr int BYTES = KEYS * PIECES * PIECE;

  __device__ Memory(const T* k, int kStride, const T* v, int vStride, int keys, int width)
      : k(k),
        kStride(kStride),
        kWhole(hasWholePieces(k, kStride, width)),
        v(v),
        vStride(vStride),
        vWhole(hasWholePieces(v, vStride, width)),
        keys(keys),
        width(width) {}

  // Starts copying the KEYS keys and values from `first` on to a block at a shared address.
  __device__ void copy(int first, unsigned block) const {
    copyRows<KEYS, PIECES>(
        block, k + static_cast<long long>(first) * kStride, kStride, kWhole, keys - first, width);
    copyRows<KEYS, PIECES>(
        block + BYTES, v + static_cast<long long>(first) * vStride, vStride, vWhole, keys - first,
        width);
  }

 private:
  const T* k;
  int kStride;
  bool kWhole;
  const T* v;
  int vStride;
  bool vWhole;
  int keys;
  int width;
};

__device__ inline void swap(unsigned& x, unsigned& y) {
  unsigned z = x;
  x = y;
  y = z;
}

// Attention on matrix instructions: a warp has 16 queries. A lane's numbers lie in the rows lane/4
// and lane/4 + 8 of each 16x8 block of scores and of values.
template <typename T, int WIDTH>
class Attention {
 public:
  static constexpr int KEYS = WIDTH <= 64 ? 64 : 32;
  static constexpr int PIECES = WIDTH / 8;
  static constexpr int BYTES = Memory<KEYS, PIECES, T>::BYTES;

  __device__ static void run(
      const T* q,
      int qStride,
      const T* k,
      int kStride,
      const T* v,
      int vStride,
      T* y,
      int yStride,
      int width,
      int queries,
      int keys) {
    __shared__ __align__(128) char queryTile[QUERIES * PIECES * PIECE];
    __shared__ __align__(128) char blocks[2 * 2 * BYTES];
    unsigned slot = sharedAddress(blocks);
    unsigned otherSlot = slot + 2 * BYTES;
    Memory<KEYS, PIECES, T> memory(k, kStride, v, vStride, keys, width);
    int firstRow = threadIdx.x / WARP * 16;
    bool hasQueries = firstRow < queries;
    Attention attention(LOG2_E / sqrtf(width));
    if (keys > 0) {
      copyRows<QUERIES, PIECES>(
          sharedAddress(queryTile), q, qStride, hasWholePieces(q, qStride, width), queries, width);
      memory.copy(0, slot);
      commitCopies();
    }
#pragma unroll 1
    for (int first = 0; first < keys; first += KEYS) {
      waitForCopies<0>();
      // Behind it this block is there, and nobody reads the other slot any more.
      __syncthreads();
      if (first + KEYS < keys) {
        memory.copy(first + KEYS, otherSlot);
        commitCopies();
      }
      if (hasQueries) {
        if (first == 0) {
          attention.loadQueries(sharedAddress(queryTile), firstRow);
        }
        attention.add(slot, slot + BYTES, keys - first);
      }
      swap(slot, otherSlot);
    }
    if (hasQueries) {
      attention.write(queryTile, firstRow, y, yStride, width, queries);
    }
  }

 private:
  __device__ explicit Attention(float scale) : scale(scale) {
#pragma unroll
    for (int i = 0; i < WIDTH / 16; i++) {
      keyPlaces[i] = place<PIECES>(lane() / 16 * 8 + lane() % 8, i * 2 + lane() / 8 % 2);
      valuePlaces[i] = place<PIECES>(lane() % 16, i * 2 + lane() / 16);
    }
  }

  __device__ void loadQueries(unsigned tile, int firstRow) {
#pragma unroll
    for (int i = 0; i < WIDTH / 16; i++) {
      loadMatrices(query[i], tile + place<PIECES>(firstRow + lane() % 16, i * 2 + lane() / 16));
    }
  }

  // Takes a block in, of which the first `valid` keys are there.
  __device__ void add(unsigned k, unsigned v, int valid) {
    float weights[KEYS / 8][4] = {};
#pragma unroll
    for (int i = 0; i < WIDTH / 16; i++) {
#pragma unroll
      for (int j = 0; j < KEYS / 16; j++) {
        unsigned key[4];
        loadMatrices(key, k + keyPlaces[i] + j * 16 * PIECES * PIECE);
        multiply<T>(weights[j * 2], query[i], key[0], key[1]);
        multiply<T>(weights[j * 2 + 1], query[i], key[2], key[3]);
      }
    }
    if (valid < KEYS) {
#pragma unroll
      for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          if (j * 8 + lane() % 4 * 2 + e % 2 >= valid) {
            weights[j][e] = -INFINITY;
          }
        }
      }
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      weigh(weights, half);
    }
#pragma unroll
    for (int j = 0; j < KEYS / 16; j++) {
      unsigned weight[4] = {
          pack<T>(weights[j * 2][0], weights[j * 2][1]),
          pack<T>(weights[j * 2][2], weights[j * 2][3]),
          pack<T>(weights[j * 2 + 1][0], weights[j * 2 + 1][1]),
          pack<T>(weights[j * 2 + 1][2], weights[j * 2 + 1][3])};
#pragma unroll
      for (int i = 0; i < WIDTH / 16; i++) {
        unsigned value[4];
        loadTransposed(value, v + valuePlaces[i] + j * 16 * PIECES * PIECE);
        multiply<T>(values[i * 2], weight, value[0], value[1]);
        multiply<T>(values[i * 2 + 1], weight, value[2], value[3]);
      }
    }
  }

  // NaN needs no care in the maximum: its own exponential is NaN, and so is the sum.
  // Turns the scores of one of this lane's two rows into exponentials relative to the largest so
  // far, and rescales what was added before.
  __device__ void weigh(float (&weights)[KEYS / 8][4], int half) {
    float largest = max[half];
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++) {
      largest = fmaxf(fmaxf(weights[j][half * 2], weights[j][half * 2 + 1]), largest);
    }
    largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, 2));
    float rescale = exp2Approx((max[half] - largest) * scale);
    float shift = -largest * scale;
    max[half] = largest;
    float added = 0;
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++) {
#pragma unroll
      for (int e = half * 2; e < half * 2 + 2; e++) {
        weights[j][e] = exp2Approx(fmaf(weights[j][e], scale, shift));
        added += weights[j][e];
      }
    }
    sum[half] = fmaf(sum[half], rescale, added);
#pragma unroll
    for (int i = 0; i < WIDTH / 8; i++) {
      values[i][half * 2] *= rescale;
      values[i][half * 2 + 1] *= rescale;
    }
  }

  // Writes this warp's rows, through its own rows of the queries' tile, so that a row's chunks are
  // written whole.
  __device__ void write(char* tile, int firstRow, T* y, int yStride, int width, int queries) {
    __syncwarp();
#pragma unroll
    for (int half = 0; half < 2; half++) {
      sum[half] += __shfl_xor_sync(ALL_LANES, sum[half], 1);
      sum[half] += __shfl_xor_sync(ALL_LANES, sum[half], 2);
      // No keys: zeros.
      float inverse = max[half] == -INFINITY && sum[half] == 0 ? 0 : 1 / sum[half];
#pragma unroll
      for (int i = 0; i < WIDTH / 8; i++) {
        unsigned* piece =
            reinterpret_cast<unsigned*>(tile + place<PIECES>(firstRow + half * 8 + lane() / 4, i));
        piece[lane() % 4] =
            pack<T>(values[i][half * 2] * inverse, values[i][half * 2 + 1] * inverse);
      }
    }
    __syncwarp();
    Target<T> to(y, yStride);
#pragma unroll 1
    for (int at = lane(); at < 16 * PIECES; at += WARP) {
      int row = firstRow + at / PIECES;
      int column = at % PIECES * CHUNK;
      if (row < queries && column < width) {
        float numbers[CHUNK];
        loadWhole(reinterpret_cast<const T*>(tile + place<PIECES>(row, at % PIECES)), numbers);
        to.store(row, column, min(CHUNK, width - column), numbers);
      }
    }
  }

  float scale;
  // Where this lane's addresses for ldmatrix begin, for each 16 columns.
  unsigned keyPlaces[WIDTH / 16];
  unsigned valuePlaces[WIDTH / 16];
  unsigned query[WIDTH / 16][4];
  float values[WIDTH / 8][4] = {};
  float max[2] = {-INFINITY, -INFINITY};
  float sum[2] = {};
};

// Attention in fp32: SPLIT threads have a query, each every SPLIT-th piece of its width; as many as
// leave a thread the registers for query and values. The 64 queries take turns if SPLIT is more
// than 2.
template <int WIDTH>
class Attention<float, WIDTH> {
 public:
  static constexpr int KEYS = WIDTH <= 64 ? 32 : 16;
  static constexpr int PIECES = WIDTH / 4;
  static constexpr int BYTES = Memory<KEYS, PIECES, float>::BYTES;

  __device__ static void run(
      const float* q,
      int qStride,
      const float* k,
      int kStride,
      const float* v,
      int vStride,
      float* y,
      int yStride,
      int width,
      int queries,
      int keys) {
    __shared__ __align__(128) char blocks[2 * 2 * BYTES];
    unsigned slot = sharedAddress(blocks);
    unsigned otherSlot = slot + 2 * BYTES;
    Memory<KEYS, PIECES, float> memory(k, kStride, v, vStride, keys, width);
#pragma unroll 1
    for (int firstRow = 0; firstRow < queries; firstRow += BLOCK / SPLIT) {
      int row = firstRow + threadIdx.x / SPLIT;
      Attention attention(1 / sqrtf(width));
      attention.loadQuery(
          q + static_cast<long long>(row) * qStride, isAligned(q, qStride),
          row < queries ? width : 0);
      // Nobody reads the blocks of the turn before any more.
      __syncthreads();
      if (keys > 0) {
        memory.copy(0, slot);
        commitCopies();
      }
#pragma unroll 1
      for (int first = 0; first < keys; first += KEYS) {
        waitForCopies<0>();
        // Behind it this block is there, and nobody reads the other slot any more.
        __syncthreads();
        if (first + KEYS < keys) {
          memory.copy(first + KEYS, otherSlot);
          commitCopies();
        }
#pragma unroll 1
        for (int key = 0; key < min(KEYS, keys - first); key += AT_ONCE) {
          attention.add(slot, slot + BYTES, key, keys - first);
        }
        swap(slot, otherSlot);
      }
      if (row < queries) {
        attention.write(y + static_cast<long long>(row) * yStride, isAligned(y, yStride), width);
      }
    }
  }

 private:
  static constexpr int SPLIT = WIDTH <= 64 ? 2 : 4;
  static constexpr int OWN_PIECES = PIECES / SPLIT;
  // Keys whose scores are held at once.
  static constexpr int AT_ONCE = 8;

  __device__ explicit Attention(float scale) : scale(scale) {}

  __device__ static int piece(int i) { return i * SPLIT + threadIdx.x % SPLIT; }

  __device__ void loadQuery(const float* from, bool aligned, int width) {
#pragma unroll
    for (int i = 0; i < OWN_PIECES; i++) {
      const float* at = from + piece(i) * 4;
      int valid = withinPiece<float>(width - piece(i) * 4);
      uint4 bits =
          aligned && valid == 4 ? *reinterpret_cast<const uint4*>(at) : readPiece(at, valid);
      query[i] = toFloats(bits);
    }
  }

  // Takes in the keys from `first` on of a block of which `valid` are there.
  __device__ void add(unsigned k, unsigned v, int first, int valid) {
    float weights[AT_ONCE];
    float largest = max;
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++) {
      float dot = 0;
#pragma unroll
      for (int i = 0; i < OWN_PIECES; i++) {
        float4 key = toFloats(loadShared(k + place<PIECES>(first + j, piece(i))));
        dot = fmaf(query[i].x, key.x, dot);
        dot = fmaf(query[i].y, key.y, dot);
        dot = fmaf(query[i].z, key.z, dot);
        dot = fmaf(query[i].w, key.w, dot);
      }
#pragma unroll
      for (int distance = 1; distance < SPLIT; distance *= 2) {
        dot += __shfl_xor_sync(ALL_LANES, dot, distance);
      }
      weights[j] = first + j < valid ? dot * scale : -INFINITY;
      largest = fmaxf(weights[j], largest);
    }
    float rescale = expf(max - largest);
    max = largest;
    sum *= rescale;
#pragma unroll
    for (int i = 0; i < OWN_PIECES; i++) {
      values[i].x *= rescale;
      values[i].y *= rescale;
      values[i].z *= rescale;
      values[i].w *= rescale;
    }
#pragma unroll
    for (int j = 0; j < AT_ONCE; j++) {
      float weight = expf(weights[j] - largest);
      sum += weight;
#pragma unroll
      for (int i = 0; i < OWN_PIECES; i++) {
        float4 value = toFloats(loadShared(v + place<PIECES>(first + j, piece(i))));
        values[i].x = fmaf(weight, value.x, values[i].x);
        values[i].y = fmaf(weight, value.y, values[i].y);
        values[i].z = fmaf(weight, value.z, values[i].z);
        values[i].w = fmaf(weight, value.w, values[i].w);
      }
    }
  }

  __device__ void write(float* to, bool aligned, int width) const {
    // No keys: zeros.
    float divisor = max == -INFINITY && sum == 0 ? 1 : sum;
#pragma unroll
    for (int i = 0; i < OWN_PIECES; i++) {
      float4 result = make_float4(
          values[i].x / divisor, values[i].y / divisor, values[i].z / divisor,
          values[i].w / divisor);
      int column = piece(i) * 4;
      if (aligned && column + 4 <= width) {
        *reinterpret_cast<float4*>(to + column) = result;
      } else {
        if (column < width) to[column] = result.x;
        if (column + 1 < width) to[column + 1] = result.y;
        if (column + 2 < width) to[column + 2] = result.z;
        if (column + 3 < width) to[column + 3] = result.w;
      }
    }
  }

  float scale;
  float4 query[OWN_PIECES];
  float4 values[OWN_PIECES] = {};
  float max = -INFINITY;
  float sum = 0;
};

template <int WIDTH, typename T>
__device__ void attention(
    const T* q,
    int qStride,
    const int* queryOffsets,
    const T* k,
    int kStride,
    const T* v,
    int vStride,
    const int* keyOffsets,
    T* y,
    int yStride,
    int width,
    int texts,
    const int* count) {
  texts = trueCount(texts, count);
  if (texts == 0) {
    return;
  }
  Share share = findShare(queryOffsets, keyOffsets, texts);
  if (share.queries <= 0) {
    return;
  }
  int column = blockIdx.y * width;
  long long query = share.firstQuery;
  long long key = share.firstKey;
  Attention<T, WIDTH>::run(
      q + query * qStride + column, qStride, k + key * kStride + column, kStride,
      v + key * vStride + column, vStride, y + query * yStride + column, yStride, width,
      share.queries, share.keys);
}

#define ATTENTION(T)                                                                      \
  (const T* q, int qStride, const int* queryOffsets, const T* k, int kStride, const T* v, \
   int vStride, const int* keyOffsets, T* y, int yStride, int width, int texts, const int* count)
#define ATTENTION_BODY(WIDTH)                                                                 \
  attention<WIDTH>(                                                                           \
      q, qStride, queryOffsets, k, kStride, v, vStride, keyOffsets, y, yStride, width, texts, \
      count)

// Four CTAs, where their shared memory fits, hide each other's waits; wide heads and fp32 need the
// registers that two leave.
#if __CUDA_ARCH__ >= 800
constexpr int NARROW_RESIDENTS = 4;
#else
constexpr int NARROW_RESIDENTS = 1;
#endif
constexpr int WIDE_RESIDENTS = 2;
COFFEY_ENTRY(WIDE_RESIDENTS, attention_f32_d32, float, ATTENTION, ATTENTION_BODY(32))
COFFEY_ENTRY(WIDE_RESIDENTS, attention_f32_d64, float, ATTENTION, ATTENTION_BODY(64))
COFFEY_ENTRY(WIDE_RESIDENTS, attention_f32_d128, float, ATTENTION, ATTENTION_BODY(128))
COFFEY_ENTRY(NARROW_RESIDENTS, attention_f16_d32, f16, ATTENTION, ATTENTION_BODY(32))
COFFEY_ENTRY(NARROW_RESIDENTS, attention_f16_d64, f16, ATTENTION, ATTENTION_BODY(64))
COFFEY_ENTRY(WIDE_RESIDENTS, attention_f16_d128, f16, ATTENTION, ATTENTION_BODY(128))
COFFEY_BF16_ENTRY(NARROW_RESIDENTS, attention_bf16_d32, bf16, ATTENTION, ATTENTION_BODY(32))
COFFEY_BF16_ENTRY(NARROW_RESIDENTS, attention_bf16_d64, bf16, ATTENTION, ATTENTION_BODY(64))
COFFEY_BF16_ENTRY(WIDE_RESIDENTS, attention_bf16_d128, bf16, ATTENTION, ATTENTION_BODY(128))
