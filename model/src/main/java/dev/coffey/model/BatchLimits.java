package dev.coffey.model;

/// The largest batches that a model will be given, where that is known before it is loaded: a
/// device that takes its memory in one piece takes it for these.
///
/// @param tokens of all texts together; 0 if it is not known
/// @param texts in a batch
public record BatchLimits(int tokens, int texts) {
  /// Nothing is known: memory is taken when a batch comes.
  public static final BatchLimits UNKNOWN = new BatchLimits(0, 0);

  public BatchLimits {
    if (tokens < 0 || texts < 0) {
      throw new IllegalArgumentException(
          "batches of %d tokens in %d texts: must be 0 or more".formatted(tokens, texts));
    }
  }
}
