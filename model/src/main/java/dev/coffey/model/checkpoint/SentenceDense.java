package dev.coffey.model.checkpoint;

import dev.coffey.kernels.Activation;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// A `Dense` module of sentence-transformers: `y = act(x·Wᵀ + b)`, of a pooled vector.
///
/// @param folder holds its `model.safetensors`, with `linear.weight` and `linear.bias`
/// @param inputs I
/// @param outputs O
/// @param bias whether it has b
public record SentenceDense(
    Path folder, int inputs, int outputs, boolean bias, Activation activation) {
  private static final int MAX_WIDTH = 1 << 20;
  private static final String SENTENCE = "sentence_embedding";

  /// By the classes' names in torch.nn; the file has them with their module.
  private static final Map<String, Activation> ACTIVATIONS = activations();

  /// What is read of a module's folder: the layer, or what about it can't be run.
  sealed interface Read {
    record Layer(SentenceDense dense) implements Read {}

    record Unsupported(String what) implements Read {}
  }

  static Read read(Path folder) {
    JsonFields fields = JsonFields.read(folder.resolve(ConfigReader.FILE));
    for (String key : List.of("in_features", "out_features")) {
      if (!fields.has(key)) {
        fields.problem(key + ": is missing");
      }
    }
    int inputs = fields.integer("in_features", 1, 1, MAX_WIDTH);
    int outputs = fields.integer("out_features", 1, 1, MAX_WIDTH);
    boolean bias = fields.flag("bias", true);
    boolean residual = fields.flag("use_residual", false);
    String input = fields.text("module_input_name").orElse(SENTENCE);
    String output = fields.text("module_output_name").orElse(input);
    String name = fields.text("activation_function").orElse("torch.nn.modules.activation.Tanh");
    fields.check();
    if (residual) {
      return new Read.Unsupported("Dense with use_residual");
    }
    if (!input.equals(SENTENCE) || !output.equals(SENTENCE)) {
      return new Read.Unsupported("Dense of " + Quoted.of(input) + " to " + Quoted.of(output));
    }
    Optional<Activation> activation =
        name.startsWith("torch.nn.")
            ? Optional.ofNullable(ACTIVATIONS.get(name.substring(name.lastIndexOf('.') + 1)))
            : Optional.empty();
    if (activation.isEmpty()) {
      return new Read.Unsupported("Dense with " + Quoted.of(name));
    }
    return new Read.Layer(new SentenceDense(folder, inputs, outputs, bias, activation.get()));
  }

  private static Map<String, Activation> activations() {
    Map<String, Activation> activations = new LinkedHashMap<>();
    activations.put("Identity", Activation.NONE);
    activations.put("Tanh", Activation.TANH);
    activations.put("ReLU", Activation.RELU);
    activations.put("GELU", Activation.GELU_ERF);
    return activations;
  }
}
