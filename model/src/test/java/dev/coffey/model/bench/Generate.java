package dev.coffey.model.bench;

import dev.coffey.model.generated.GeneratedModel;
import java.io.IOException;
import java.nio.file.Path;

/// Writes DistilBERT-base with generated weights as a Hugging Face folder: `tools/bench generate
/// FOLDER`.
public final class Generate {
  private Generate() {}

  public static void main(String[] args) throws IOException {
    System.out.println(GeneratedModel.distilBertBase(1).write(Path.of(args[0])));
  }
}
