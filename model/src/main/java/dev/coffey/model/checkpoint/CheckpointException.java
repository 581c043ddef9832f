package dev.coffey.model.checkpoint;

import java.nio.file.Path;

/// A model folder, or a file in it, can't be used as it is. The message is for whoever made the
/// folder: file, tensor or key, expected, found, remedy.
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final Problem problem;

  /// What kind of thing was wrong, for counting and for tests; the message has the rest.
  public enum Problem {
    /// A file or folder is not there.
    MISSING_FILE,
    /// The file system would not let us read it.
    UNREADABLE,
    /// Not safetensors at all: pickle, zip, HDF5, a git-lfs pointer …
    WRONG_FORMAT,
    /// The file ends before what its header promises.
    TRUNCATED,
    /// A safetensors header that breaks the format's rules.
    BAD_HEADER,
    /// Byte ranges that overlap, leave holes, overrun, or don't fit dtype and shape.
    BAD_LAYOUT,
    /// A shard index that breaks its rules or disagrees with its shards.
    BAD_INDEX,
    /// A tensor that the model needs is in no file.
    MISSING_TENSOR,
    /// A needed tensor is stored as something else than F32, F16 or BF16.
    WRONG_DTYPE,
    /// A needed tensor has another shape than the config says.
    WRONG_SHAPE,
    /// A needed tensor holds NaN or an infinity.
    NOT_FINITE,
    /// `config.json`, or a JSON file of sentence-transformers, with missing or senseless values.
    BAD_CONFIG,
    /// Well-formed, but something that Coffey does not run.
    UNSUPPORTED
  }

  /// `message` says what is wrong with `file`, which is put before it.
  public CheckpointException(Problem problem, Path file, String message) {
    super(Quoted.path(file) + ": " + message);
    this.problem = problem;
  }

  CheckpointException(Problem problem, Path file, String message, Throwable cause) {
    super(Quoted.path(file) + ": " + message, cause);
    this.problem = problem;
  }

  /// The kind of problem.
  public Problem problem() {
    return problem;
  }
}
