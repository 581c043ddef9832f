package dev.coffey.kernels.cuda;

/// How many thread blocks a launch has in each direction, how many threads each has, and its
/// dynamic shared memory.
record LaunchShape(int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
  LaunchShape {
    if (gridX < 1 || gridY < 1 || gridZ < 1 || threads < 1 || sharedBytes < 0) {
      throw new IllegalArgumentException(
          "launch: grid (%d, %d, %d), %d threads, %d bytes of shared memory"
              .formatted(gridX, gridY, gridZ, threads, sharedBytes));
    }
  }
}
