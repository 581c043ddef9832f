package dev.coffey.model.checkpoint;

/// Finds the name under which a checkpoint stores a tensor. The encoder's tensors carry the model's
/// prefix (`distilbert.`) in a checkpoint with a head and none in a bare one; a norm's `weight` and
/// `bias` are called `gamma` and `beta` in checkpoints that began as TensorFlow's.
public final class CheckpointNames {
  private final Checkpoint checkpoint;
  private final String prefix;

  /// Names in `checkpoint`, for a model whose encoder has `prefix`, a final dot included.
  public CheckpointNames(Checkpoint checkpoint, String prefix) {
    this.checkpoint = checkpoint;
    // As Hugging Face decides it: once for the file, not tensor by tensor.
    this.prefix =
        checkpoint.names().stream().anyMatch(name -> name.startsWith(prefix)) ? prefix : "";
  }

  /// The stored name of the encoder's tensor `name`, given without prefix; the modern name if it is
  /// missing.
  public String encoder(String name) {
    return stored(prefix + name);
  }

  /// The stored name of the head's tensor `name`; the modern name if it is missing.
  public String head(String name) {
    return stored(name);
  }

  /// A stored name without the encoder's prefix, if it has one.
  public String bare(String stored) {
    return stored.startsWith(prefix) ? stored.substring(prefix.length()) : stored;
  }

  private String stored(String name) {
    if (checkpoint.contains(name)) {
      return name;
    }
    String old = name;
    if (name.endsWith(".weight")) {
      old = name.substring(0, name.length() - "weight".length()) + "gamma";
    } else if (name.endsWith(".bias")) {
      old = name.substring(0, name.length() - "bias".length()) + "beta";
    }
    return checkpoint.contains(old) ? old : name;
  }
}
