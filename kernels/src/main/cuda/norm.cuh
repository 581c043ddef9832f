// Normalization of one row by one warp.
#pragma once

#include "rows.cuh"

enum NormKind { LAYER = 0, AFFINE = 1 };

template <typename T>
struct Norm {
  Source<T> weight;
  Source<T> bias;
  float epsilon;
  int kind;

  __device__ Norm(const T* weight, const T* bias, float epsilon, int kind)
      : weight(weight, 0), bias(bias, 0), epsilon(epsilon), kind(kind) {}
};

// y[n,·] = norm(row), LAYER in two passes: the mean, then the variance around it. read(column,
// valid, numbers) gives a chunk of the row and is called up to three times for each, the last time
// just before that chunk of y is written: so y may be what is read.
template <typename T, class Read>
__device__ void normalize(Read read, const Norm<T>& norm, Target<T> y, int n, int columns) {
  float mean = 0;
  float scale = 1;
  if (norm.kind == LAYER) {
    float sum = 0;
    forChunks(columns, [&](int column, int valid) {
      float x[CHUNK];
      read(column, valid, x);
#pragma unroll
      for (int i = 0; i < CHUNK; i++) {
        sum += x[i];
      }
    });
    mean = warpSum(sum) / columns;
    float squares = 0;
    forChunks(columns, [&](int column, int valid) {
      float x[CHUNK];
      read(column, valid, x);
#pragma unroll
      for (int i = 0; i < CHUNK; i++) {
        float deviation = i < valid ? x[i] - mean : 0;
        squares = fmaf(deviation, deviation, squares);
      }
    });
    scale = 1 / sqrtf(warpSum(squares) / columns + norm.epsilon);
  }
  forChunks(columns, [&](int column, int valid) {
    float x[CHUNK];
    float weight[CHUNK];
    float bias[CHUNK];
    read(column, valid, x);
    norm.weight.load(0, column, valid, weight);
    norm.bias.load(0, column, valid, bias);
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      x[i] = fmaf((x[i] - mean) * scale, weight[i], bias[i]);
    }
    y.store(n, column, valid, x);
  });
}
