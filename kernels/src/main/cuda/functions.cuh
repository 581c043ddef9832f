// The functions of `Activation`, on fp32.
#pragma once

#include "storage.cuh"

enum Activation { NONE = 0, GELU_ERF = 1, GELU_TANH = 2, RELU = 3, TANH = 4 };

// x·Φ(x) = x/2·(1 + erf(x/√2)). Φ(−t) = exp(−t²/2)·P(u), u = 1/(1 + 0.3t): P is a polynomial of
// degree 8 without a constant, fitted for t in [0, 9.5] to a relative error of 5.0e-8, so that the
// tail keeps its digits (1 + erf would lose them). About 20 instructions; normcdff takes 59,
// erff 27.
__device__ inline float geluErf(float x) {
  float t = fabsf(x);
  float u = reciprocalApprox(fmaf(t, 0.3f, 1));
  float p = 0.037548065185546875f;
  p = fmaf(p, u, -0.16507764160633087f);
  p = fmaf(p, u, 0.22008545696735382f);
  p = fmaf(p, u, -0.06652470678091049f);
  p = fmaf(p, u, 0.1354966014623642f);
  p = fmaf(p, u, 0.09775599092245102f);
  p = fmaf(p, u, 0.12111122161149979f);
  p = fmaf(p, u, 0.11960504204034805f);
  constexpr float HALF_LOG2_E = 0.72134752044448170f;
  float tail = p * u * exp2Approx(-t * t * HALF_LOG2_E);
  float lost = x * tail;
  // Far out the tail is zero in fp32, and infinity times zero would be NaN: right for −∞, not for
  // ∞.
  return x <= 0 ? lost : t < 15 ? x - lost : x;
}

// x/2·(1 + tanh(v)) = x / (1 + exp(−2v)), v = √(2/π)·(x + 0.044715·x³): no digits are lost where
// tanh is near −1.
__device__ inline float geluTanh(float x) {
  constexpr float SQRT_2_OVER_PI = 0.79788456080286536f;
  constexpr float LOG2_E = 1.4426950408889634f;
  float v = SQRT_2_OVER_PI * fmaf(0.044715f * x * x, x, x);
  return x * reciprocalApprox(1 + exp2Approx(-2 * LOG2_E * v));
}

// Keeps NaN.
__device__ inline float relu(float x) { return x <= 0 ? 0 : x; }

__device__ inline void activate(int activation, float (&x)[CHUNK]) {
  if (activation == GELU_ERF) {
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      x[i] = geluErf(x[i]);
    }
  } else if (activation == GELU_TANH) {
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      x[i] = geluTanh(x[i]);
    }
  } else if (activation == RELU) {
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      x[i] = relu(x[i]);
    }
  } else if (activation == TANH) {
#pragma unroll
    for (int i = 0; i < CHUNK; i++) {
      x[i] = tanhf(x[i]);
    }
  }
}
