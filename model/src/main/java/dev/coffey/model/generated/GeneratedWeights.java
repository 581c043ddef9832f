package dev.coffey.model.generated;

import java.nio.charset.StandardCharsets;

/// Weights that follow from a seed and a tensor's name alone, bit for bit the same in any language:
/// SplitMix64 (Steele, Lea, Flood, 2014) started at the FNV-1a hash of `<seed>:<name>`. Not
/// trained: they make a model of the right size and of sane magnitudes whose logits can be checked.
final class GeneratedWeights {
  private GeneratedWeights() {}

  /// FNV-1a, 64 bits, over the UTF-8 bytes of `text`.
  static long fnv1a(String text) {
    long hash = 0xCBF29CE484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xFF)) * 0x100000001B3L;
    }
    return hash;
  }

  /// The number that SplitMix64 started at `state` gives as its `index`-th, counted from 0.
  static long splitMix64(long state, long index) {
    long z = state + (index + 1) * 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /// The numbers `from` (included) to `from + out.length` of the row-major tensor `name`. Norm
  /// weights lie in [0.75, 1.25), biases in [-0.125, 0.125), everything else in [-0.0625, 0.0625).
  static void fill(long seed, String name, long from, float[] out) {
    long state = fnv1a(seed + ":" + name);
    String module = name.substring(0, name.lastIndexOf('.')).toLowerCase(java.util.Locale.ROOT);
    boolean norm = module.endsWith("layernorm") || module.endsWith("layer_norm");
    boolean bias = name.endsWith(".bias");
    for (int i = 0; i < out.length; i++) {
      float unit = ((int) (splitMix64(state, from + i) >>> 40) - (1 << 23)) * 0x1p-23f;
      out[i] = bias ? unit * 0.125f : norm ? 1f + unit * 0.25f : unit * 0.0625f;
    }
  }
}
