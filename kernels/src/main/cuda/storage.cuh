// How numbers are stored. Arithmetic is in fp32; a number is converted when it is read and rounded
// once, to nearest even, when it is written.
#pragma once

#include "instructions.cuh"

__device__ inline float toFloat(float x) { return x; }

__device__ inline float toFloat(bf16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}

template <>
__device__ inline float fromFloat<float>(float x) {
  return x;
}

// Numbers are moved in chunks of eight.
constexpr int CHUNK = 8;

// Two neighbours in one word, the first in the lower half, as matrix instructions take them.
template <typename T>
__device__ inline unsigned pack(float first, float second) {
  return fromFloat<T>(first).bits | static_cast<unsigned>(fromFloat<T>(second).bits) << 16;
}

// The numbers of a word.
template <typename T>
__device__ inline float lower(unsigned word) {
  return toFloat(T{static_cast<unsigned short>(word)});
}

template <typename T>
__device__ inline float upper(unsigned word) {
  return toFloat(T{static_cast<unsigned short>(word >> 16)});
}

__device__ inline float4 toFloats(uint4 words) {
  return make_float4(
      __uint_as_float(words.x), __uint_as_float(words.y), __uint_as_float(words.z),
      __uint_as_float(words.w));
}

// A chunk at an address that is a multiple of 16 bytes.
template <typename T>
__device__ inline void loadWhole(const T* from, float (&numbers)[CHUNK]) {
  uint4 words = *reinterpret_cast<const uint4*>(from);
  numbers[0] = lower<T>(words.x);
  numbers[1] = upper<T>(words.x);
  numbers[2] = lower<T>(words.y);
  numbers[3] = upper<T>(words.y);
  numbers[4] = lower<T>(words.z);
  numbers[5] = upper<T>(words.z);
  numbers[6] = lower<T>(words.w);
  numbers[7] = upper<T>(words.w);
}

__device__ inline void loadWhole(const float* from, float (&numbers)[CHUNK]) {
  float4 first = reinterpret_cast<const float4*>(from)[0];
  float4 second = reinterpret_cast<const float4*>(from)[1];
  numbers[0] = first.x;
  numbers[1] = first.y;
  numbers[2] = first.z;
  numbers[3] = first.w;
  numbers[4] = second.x;
  numbers[5] = second.y;
  numbers[6] = second.z;
  numbers[7] = second.w;
}

template <typename T>
__device__ inline void storeWhole(T* to, const float (&numbers)[CHUNK]) {
  *reinterpret_cast<uint4*>(to) = make_uint4(
      pack<T>(numbers[0], numbers[1]), pack<T>(numbers[2], numbers[3]),
      pack<T>(numbers[4], numbers[5]), pack<T>(numbers[6], numbers[7]));
}

__device__ inline void storeWhole(float* to, const float (&numbers)[CHUNK]) {
  reinterpret_cast<float4*>(to)[0] = make_float4(numbers[0], numbers[1], numbers[2], numbers[3]);
  reinterpret_cast<float4*>(to)[1] = make_float4(numbers[4], numbers[5], numbers[6], numbers[7]);
}
