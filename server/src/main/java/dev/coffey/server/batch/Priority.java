package dev.coffey.server.batch;

/// Who goes first when not all fit; first constant first. A level is worth [BatchConfig#aging()] of
/// waiting, so none starves.
public enum Priority {
  /// Before the others: a user waits for it.
  HIGH(0),
  /// What a request has that names no priority.
  NORMAL(1),
  /// Bulk work: what is left over.
  LOW(2);

  private final int level;

  Priority(int level) {
    this.level = level;
  }

  /// 0 for the first to go, then 1, 2.
  int level() {
    return level;
  }
}
