package dev.coffey.model.tokenize;

import java.util.List;

/// A special token by its role, whatever its name is in a vocabulary.
public enum SpecialToken {
  /// Stands for what the vocabulary has no pieces for.
  UNKNOWN("unk_token"),
  /// Opens every text.
  CLASSIFIER("cls_token"),
  /// Closes every text.
  SEPARATOR("sep_token"),
  /// Fills up shorter texts, elsewhere.
  PADDING("pad_token"),
  /// Stands for a token that a masked language model is to find.
  MASK("mask_token");

  private final String key;

  SpecialToken(String key) {
    this.key = key;
  }

  /// Its name in `tokenizer_config.json`.
  String key() {
    return key;
  }

  /// How it is written where no file says so: BERT's way first, then SentencePiece's.
  List<String> defaults() {
    return switch (this) {
      case UNKNOWN -> List.of("[UNK]", "<unk>");
      case CLASSIFIER -> List.of("[CLS]");
      case SEPARATOR -> List.of("[SEP]");
      case PADDING -> List.of("[PAD]", "<pad>");
      case MASK -> List.of("[MASK]", "<mask>");
    };
  }
}
