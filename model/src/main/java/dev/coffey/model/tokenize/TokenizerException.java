package dev.coffey.model.tokenize;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/// A tokenizer can't be made from its files, or its native library can't be loaded. The message
/// names the file and what is wrong in it.
public final class TokenizerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TokenizerException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }

  static TokenizerException in(Path file, String problem) {
    return in(file, problem, null);
  }

  static TokenizerException in(Path file, String problem, @Nullable Throwable cause) {
    return new TokenizerException(file + ": " + problem, cause);
  }
}
