package dev.coffey.model.checkpoint;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/// The tokenizer's files in a model folder, as far as they are there. A folder without any can
/// still be run on token ids.
///
/// @param tokenizerJson `tokenizer.json`: the whole tokenizer
/// @param vocabulary `vocab.txt`: the word pieces, one a line
/// @param sentencePieces `spiece.model`: ALBERT's pieces with their scores
/// @param tokenizerConfig `tokenizer_config.json`: lower-casing, longest text
/// @param specialTokensMap `special_tokens_map.json`
public record TokenizerFiles(
    Optional<Path> tokenizerJson,
    Optional<Path> vocabulary,
    Optional<Path> sentencePieces,
    Optional<Path> tokenizerConfig,
    Optional<Path> specialTokensMap) {

  static TokenizerFiles in(Path folder) {
    return new TokenizerFiles(
        present(folder, "tokenizer.json"),
        present(folder, "vocab.txt"),
        present(folder, "spiece.model"),
        present(folder, "tokenizer_config.json"),
        present(folder, "special_tokens_map.json"));
  }

  /// Whether there is what a tokenizer can be made of.
  public boolean any() {
    return tokenizerJson.isPresent() || vocabulary.isPresent() || sentencePieces.isPresent();
  }

  private static Optional<Path> present(Path folder, String name) {
    return Optional.of(folder.resolve(name)).filter(Files::isRegularFile);
  }
}
