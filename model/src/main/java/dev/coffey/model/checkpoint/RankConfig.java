package dev.coffey.model.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.coffey.model.ScoreFunction;
import java.nio.file.Path;
import java.util.Optional;

/// How a cross-encoder's logit becomes a score, as sentence-transformers has it in `config.json`.
///
/// @param function what the file asks for; of a file that says nothing a sigmoid
/// @param unsupported the class that the file names, where Coffey does not run it: then there is no
///   default, and `function` is the sigmoid
public record RankConfig(ScoreFunction function, Optional<String> unsupported) {
  /// What the folder says.
  static RankConfig in(Path folder) {
    JsonFields fields = JsonFields.read(folder.resolve(ConfigReader.FILE));
    Optional<JsonNode> own = fields.value("sentence_transformers");
    Optional<String> named =
        own.map(node -> node.path("activation_fn"))
            .filter(JsonNode::isTextual)
            .map(JsonNode::textValue)
            // Versions before 4.
            .or(() -> fields.text("sbert_ce_default_activation_function"));
    fields.check();
    if (named.isEmpty()) {
      return new RankConfig(ScoreFunction.SIGMOID, Optional.empty());
    }
    return switch (named.get().substring(named.get().lastIndexOf('.') + 1)) {
      case "Identity" -> new RankConfig(ScoreFunction.NONE, Optional.empty());
      case "Sigmoid" -> new RankConfig(ScoreFunction.SIGMOID, Optional.empty());
      default -> new RankConfig(ScoreFunction.SIGMOID, named);
    };
  }
}
