package dev.coffey.model.task;

import dev.coffey.model.BatchRunner;
import dev.coffey.model.Matrix;
import dev.coffey.model.TextInput;
import dev.coffey.model.tokenize.Tokenizer;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/// A small tokenizer of pieces in lower case, and models that are functions of one input.
final class Tokenizers {
  private Tokenizers() {}

  static Tokenizer open() {
    try {
      return Tokenizer.load(
          Path.of(Objects.requireNonNull(Tokenizers.class.getResource("/golden/vocab")).toURI()));
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /// A model that gives one matrix an input.
  static BatchRunner model(Function<TextInput, Matrix> function) {
    return inputs -> inputs.stream().map(input -> List.of(function.apply(input))).toList();
  }

  static Matrix row(float... numbers) {
    return new Matrix(1, numbers.length, numbers);
  }
}
