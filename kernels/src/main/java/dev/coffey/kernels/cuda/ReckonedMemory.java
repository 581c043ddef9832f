package dev.coffey.kernels.cuda;

import java.util.ArrayList;
import java.util.List;

/// No memory: counts, part by part, what is taken from it.
final class ReckonedMemory implements ArenaMemory {
  /// What the parts that have not been named are called.
  private static final String UNNAMED = "memory";

  /// One thing that memory is needed for.
  ///
  /// @param name for messages: `weights`
  record Part(String name, long bytes) {}

  private final List<Part> finished = new ArrayList<>();
  private String part = UNNAMED;
  private long before;
  private long bytes;
  private long indexBytes;

  /// What is taken from here on is for `name`.
  void begin(String name) {
    finish();
    part = name;
  }

  private void finish() {
    if (bytes() > before) {
      finished.add(new Part(part, bytes() - before));
      before = bytes();
    }
  }

  /// What all was for.
  List<Part> parts() {
    finish();
    return List.copyOf(finished);
  }

  /// The bytes for everything but indices.
  long dataBytes() {
    return bytes;
  }

  /// The bytes for indices.
  long indexBytes() {
    return indexBytes;
  }

  @Override
  public boolean real() {
    return false;
  }

  /// Addresses are those in memory that begins at [#ALIGNMENT]; data and indices are not told
  /// apart, since nothing is written.
  @Override
  public long take(long size) {
    long address = ALIGNMENT + bytes;
    bytes += ArenaMemory.padded(size);
    return address;
  }

  @Override
  public long takeIndices(long size) {
    long address = ALIGNMENT + indexBytes;
    indexBytes += IndexBlock.padded(size);
    return address;
  }

  @Override
  public List<IndexBlock> blocks() {
    return List.of();
  }

  @Override
  public long bytes() {
    return bytes + indexBytes;
  }

  @Override
  public void close() {}
}
