package dev.coffey.kernels.cuda.ptx;

/// What is run: a kernel, its grid, its arguments.
///
/// @param firstSerial the serial number of CTA 0; the others follow
record Launch(
    Machine machine,
    Kernel kernel,
    int gridX,
    int gridY,
    int gridZ,
    int threads,
    int dynamicSharedBytes,
    Arguments arguments,
    long firstSerial) {
  int ctas() {
    return gridX * gridY * gridZ;
  }

  /// The parameters' space.
  static final class Arguments {
    final byte[] bytes;

    Arguments(byte[] bytes) {
      this.bytes = bytes.clone();
    }
  }
}
