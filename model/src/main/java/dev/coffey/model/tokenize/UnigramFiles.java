package dev.coffey.model.tokenize;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.coffey.model.tokenize.SentencePieceModel.Kind;
import dev.coffey.model.tokenize.SentencePieceModel.Piece;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// Makes the `tokenizer.json` of an ALBERT tokenizer out of a SentencePiece model alone, with
/// `tokenizer_config.json` and `special_tokens_map.json` where they are there. What it sets is what
/// transformers' `AlbertTokenizer` (5.24) sets, so that the same pieces come out: that library cuts
/// user-defined pieces (such as `.`) out of a text before it is split at spaces, where
/// SentencePiece itself would put `▁` before a lone one.
final class UnigramFiles {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final String SPACE = "▁";

  private UnigramFiles() {}

  /// @throws TokenizerException naming the file and what is wrong with it
  static ObjectNode tokenizer(Path file, byte[] bytes, SpecialTokenFiles files) {
    SentencePieceModel model = SentencePieceModel.parse(file, bytes);
    Map<String, Integer> vocab = new HashMap<>();
    ArrayNode pieces = JSON.arrayNode();
    Optional<Integer> unknown = Optional.empty();
    Map<String, Boolean> added = new HashMap<>();
    for (int id = 0; id < model.pieces().size(); id++) {
      Piece piece = model.pieces().get(id);
      Integer earlier = vocab.putIfAbsent(piece.text(), id);
      if (earlier != null) {
        throw TokenizerException.in(
            file, "piece %d, '%s', is piece %d too".formatted(id, piece.text(), earlier));
      }
      pieces.addArray().add(piece.text()).add((double) piece.score());
      switch (piece.kind()) {
        case UNKNOWN -> unknown = Optional.of(id);
        case CONTROL -> added.put(piece.text(), true);
        case USER_DEFINED -> added.put(piece.text(), false);
        case NORMAL, UNUSED, BYTE -> {}
      }
    }
    for (SpecialToken special : SpecialToken.values()) {
      String token = files.written(special, vocab);
      if (vocab.containsKey(token)) {
        added.put(token, true);
      }
    }
    String cls = files.required(SpecialToken.CLASSIFIER, vocab, file);
    String sep = files.required(SpecialToken.SEPARATOR, vocab, file);
    ObjectNode config = files.config();
    String prepend = config.path("add_prefix_space").asBoolean(true) ? "always" : "never";
    ObjectNode json = JSON.objectNode().put("version", "1.0");
    json.putNull("truncation");
    json.putNull("padding");
    // The library takes control pieces as they are, whatever the files say of their roles.
    json.set("added_tokens", TokenizerJson.addedTokens(file, vocab, added, Map.of(), config));
    json.set("normalizer", normalizer(model, config));
    ArrayNode split =
        json.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
    split.addObject().put("type", "WhitespaceSplit");
    split.add(metaspace(prepend));
    json.set("post_processor", TokenizerJson.template(vocab, cls, sep));
    json.set("decoder", metaspace(prepend));
    json.putObject("model")
        .put("type", "Unigram")
        .put(
            "unk_id",
            unknown.orElseThrow(
                () -> TokenizerException.in(file, "has no piece of type " + Kind.UNKNOWN)))
        .put("byte_fallback", false)
        .set("vocab", pieces);
    return json;
  }

  private static ObjectNode normalizer(SentencePieceModel model, ObjectNode config) {
    ObjectNode normalizer = JSON.objectNode().put("type", "Sequence");
    ArrayNode steps = normalizer.putArray("normalizers");
    for (String quotes : new String[] {"``", "''"}) {
      ObjectNode replace = steps.addObject().put("type", "Replace");
      replace.putObject("pattern").put("String", quotes);
      replace.put("content", "\"");
    }
    if (!config.path("keep_accents").asBoolean(false)) {
      steps.addObject().put("type", "NFKD");
      steps.addObject().put("type", "StripAccents");
    }
    if (config.path("do_lower_case").asBoolean(true)) {
      steps.addObject().put("type", "Lowercase");
    }
    if (model.characterMap().length > 0) {
      steps
          .addObject()
          .put("type", "Precompiled")
          .put("precompiled_charsmap", Base64.getEncoder().encodeToString(model.characterMap()));
    }
    return normalizer;
  }

  private static ObjectNode metaspace(String prepend) {
    return JSON.objectNode()
        .put("type", "Metaspace")
        .put("replacement", SPACE)
        .put("prepend_scheme", prepend)
        .put("split", true);
  }
}
