package dev.coffey.kernels;

/// What a user may ask of a backend. `threads`: how many threads compute, at least 1.
public record KernelsOptions(int threads) {
  public KernelsOptions {
    if (threads < 1 || threads > 1024) {
      throw new IllegalArgumentException("threads must be between 1 and 1024, got " + threads);
    }
  }
}
