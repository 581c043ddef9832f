package dev.coffey.server.grpc;

import dev.coffey.model.checkpoint.ModelLocation;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/// Small checkpoints to serve in tests.
public final class TestModels {
  /// A classifier of three labels with a tokenizer: negative, neutral, positive.
  public static final String TEXTCLS = "textcls";

  private TestModels() {}

  /// The classifier under its own name.
  public static ModelLocation textcls() {
    return named(TEXTCLS, folder("golden/pipelines/textcls"));
  }

  /// One of the checkpoints with a tokenizer that Hugging Face's pipelines were run on: `qa`,
  /// `nli-bert` …
  public static ModelLocation pipeline(String name) {
    return named(name, folder("golden/pipelines/" + name));
  }

  /// One of the golden checkpoints, without a tokenizer: `seqcls`, `tokcls`, `qa`, `mlm`, `base` …
  public static ModelLocation golden(String head) {
    return named(head, folder("golden/models/distilbert-" + head));
  }

  /// A golden checkpoint of any family under its own name: `bert-base` …
  public static ModelLocation family(String name) {
    return named(name, folder("golden/models/" + name));
  }

  /// A folder under a name of one's own.
  public static ModelLocation named(String name, Path folder) {
    return new ModelLocation(name, OptionalInt.empty(), folder);
  }

  /// The encoder as a sentence-transformers folder that pools by the first token and scales to
  /// length 1.
  public static ModelLocation sentence(Path temporary) {
    Path base = folder("golden/models/distilbert-base");
    try {
      Path folder = Files.createDirectories(temporary.resolve("sentence"));
      for (String file : List.of("config.json", "model.safetensors")) {
        Files.copy(base.resolve(file), folder.resolve(file));
      }
      Files.writeString(
          folder.resolve("modules.json"),
          """
          [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
           {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
           {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
          """);
      Files.createDirectories(folder.resolve("1_Pooling"));
      Files.writeString(
          folder.resolve("1_Pooling/config.json"),
          """
          {"word_embedding_dimension": 60, "pooling_mode_cls_token": true}
          """);
      return named("sentence", folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Path folder(String resource) {
    return Path.of(
        URI.create(
            Objects.requireNonNull(
                    TestModels.class.getClassLoader().getResource(resource), resource)
                .toString()));
  }
}
