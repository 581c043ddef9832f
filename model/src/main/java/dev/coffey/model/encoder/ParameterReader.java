package dev.coffey.model.encoder;

import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.checkpoint.Checkpoint;
import java.util.function.UnaryOperator;

/// Moves a checkpoint's parameters onto a device, by the names that Hugging Face's modules have.
///
/// @param checkpoint checks each tensor's shape and numbers as it is read
/// @param names turns a module's name into the checkpoint's, which may have a prefix or an older
///   spelling
/// @param arena where the parameters go
public record ParameterReader(
    Checkpoint checkpoint, UnaryOperator<String> names, TensorArena arena) {
  /// Whether the checkpoint has a tensor of that name.
  public boolean has(String name) {
    return checkpoint.contains(names.apply(name));
  }

  /// A matrix as the checkpoint stores it.
  public HostTensor stored(String name, int rows, int columns) {
    return checkpoint.matrix(names.apply(name), rows, columns);
  }

  /// A matrix whose rows are looked up: an embedding.
  public Tensor table(String name, int rows, int columns) {
    return arena.tensor(stored(name, rows, columns));
  }

  /// A (1, length) vector.
  public Tensor vector(String name, int length) {
    return arena.tensor(checkpoint.vector(names.apply(name), length));
  }

  /// `<name>.weight` and `<name>.bias` of an `nn.Linear`.
  public Linear linear(String name, int outputs, int inputs) {
    return stackedLinear(outputs, inputs, name);
  }

  /// Several `nn.Linear` of the same shape, their outputs stacked in the given order.
  public Linear stackedLinear(int outputs, int inputs, String... modules) {
    HostTensor[] weights = new HostTensor[modules.length];
    float[] bias = new float[modules.length * outputs];
    for (int m = 0; m < modules.length; m++) {
      weights[m] = stored(modules[m] + ".weight", outputs, inputs);
      HostTensor part = checkpoint.vector(names.apply(modules[m] + ".bias"), outputs);
      for (int o = 0; o < outputs; o++) {
        bias[m * outputs + o] = part.at(0, o);
      }
    }
    return new Linear(arena.pack(weights), arena.tensor(HostTensor.of(bias, 1, bias.length)));
  }

  /// `<name>.weight` and `<name>.bias` of an `nn.LayerNorm`.
  public Norm layerNorm(String name, int width, float epsilon) {
    return norm(Norm.Kind.LAYER, name, width, epsilon);
  }

  /// `<name>.weight` and `<name>.bias` of a norm of either kind.
  Norm norm(Norm.Kind kind, String name, int width, float epsilon) {
    return new Norm(kind, vector(name + ".weight", width), vector(name + ".bias", width), epsilon);
  }
}
