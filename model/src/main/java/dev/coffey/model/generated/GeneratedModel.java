package dev.coffey.model.generated;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;

/// A DistilBERT sequence classifier of any size, written as a Hugging Face folder without a
/// download: generated weights and a made-up vocabulary.
///
/// @param seed chooses the weights
/// @param vocabulary V, at least 104
/// @param positions P, the longest text
/// @param layers how many
/// @param heads how many
/// @param hidden H, a multiple of `heads`
/// @param feedForward F
/// @param labels how many
public record GeneratedModel(
    long seed,
    int vocabulary,
    int positions,
    int layers,
    int heads,
    int hidden,
    int feedForward,
    int labels) {
  private static final int CHUNK = 1 << 18;

  /// The size of `distilbert-base-uncased` with two labels: 66,955,010 parameters.
  public static GeneratedModel distilBertBase(long seed) {
    return new GeneratedModel(seed, 30522, 512, 6, 12, 768, 3072, 2);
  }

  /// Writes the folder, or leaves it as it is where it was written before: 268 MB for
  /// [#distilBertBase].
  ///
  /// @return `folder`
  public Path write(Path folder) throws IOException {
    Path weights = folder.resolve("model.safetensors");
    if (Files.exists(weights)) {
      return folder;
    }
    Files.createDirectories(folder);
    Files.writeString(folder.resolve("config.json"), config());
    Files.writeString(folder.resolve("tokenizer_config.json"), tokenizerConfig());
    Files.writeString(folder.resolve("vocab.txt"), vocabularyLines());
    Path partial = folder.resolve("model.safetensors.partial");
    writeWeights(partial);
    Files.move(partial, weights, StandardCopyOption.ATOMIC_MOVE);
    return folder;
  }

  /// Tensor names with their shapes, in the order of the file.
  Map<String, int[]> tensors() {
    Map<String, int[]> tensors = new LinkedHashMap<>();
    String base = "distilbert.";
    tensors.put(base + "embeddings.word_embeddings.weight", new int[] {vocabulary, hidden});
    tensors.put(base + "embeddings.position_embeddings.weight", new int[] {positions, hidden});
    putNorm(tensors, base + "embeddings.LayerNorm");
    for (int i = 0; i < layers; i++) {
      String layer = base + "transformer.layer." + i;
      putLinear(tensors, layer + ".attention.q_lin", hidden, hidden);
      putLinear(tensors, layer + ".attention.k_lin", hidden, hidden);
      putLinear(tensors, layer + ".attention.v_lin", hidden, hidden);
      putLinear(tensors, layer + ".attention.out_lin", hidden, hidden);
      putNorm(tensors, layer + ".sa_layer_norm");
      putLinear(tensors, layer + ".ffn.lin1", feedForward, hidden);
      putLinear(tensors, layer + ".ffn.lin2", hidden, feedForward);
      putNorm(tensors, layer + ".output_layer_norm");
    }
    putLinear(tensors, "pre_classifier", hidden, hidden);
    putLinear(tensors, "classifier", labels, hidden);
    return tensors;
  }

  private void putNorm(Map<String, int[]> tensors, String name) {
    tensors.put(name + ".weight", new int[] {hidden});
    tensors.put(name + ".bias", new int[] {hidden});
  }

  private static void putLinear(Map<String, int[]> tensors, String name, int outputs, int inputs) {
    tensors.put(name + ".weight", new int[] {outputs, inputs});
    tensors.put(name + ".bias", new int[] {outputs});
  }

  private void writeWeights(Path file) throws IOException {
    StringBuilder header = new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}");
    long offset = 0;
    for (Map.Entry<String, int[]> tensor : tensors().entrySet()) {
      long end = offset + count(tensor.getValue()) * Float.BYTES;
      header
          .append(",\"%s\":{\"dtype\":\"F32\",\"shape\":[".formatted(tensor.getKey()))
          .append(shape(tensor.getValue()))
          .append("],\"data_offsets\":[%d,%d]}".formatted(offset, end));
      offset = end;
    }
    header.append('}');
    header.repeat(' ', (8 - header.length() % 8) % 8);
    byte[] headerBytes = header.toString().getBytes(StandardCharsets.UTF_8);
    ByteBuffer buffer = ByteBuffer.allocate(CHUNK * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      buffer.putLong(headerBytes.length);
      drain(buffer, channel);
      channel.write(ByteBuffer.wrap(headerBytes));
      for (Map.Entry<String, int[]> tensor : tensors().entrySet()) {
        long count = count(tensor.getValue());
        for (long from = 0; from < count; from += CHUNK) {
          float[] values = new float[(int) Math.min(CHUNK, count - from)];
          GeneratedWeights.fill(seed, tensor.getKey(), from, values);
          buffer.asFloatBuffer().put(values);
          buffer.position(values.length * Float.BYTES);
          drain(buffer, channel);
        }
      }
    }
  }

  private static void drain(ByteBuffer buffer, FileChannel channel) throws IOException {
    buffer.flip();
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }

  private static long count(int[] shape) {
    long count = 1;
    for (int size : shape) {
      count *= size;
    }
    return count;
  }

  private static String shape(int[] shape) {
    return shape.length == 1 ? "" + shape[0] : shape[0] + "," + shape[1];
  }

  private String config() {
    StringBuilder id2label = new StringBuilder();
    StringBuilder label2id = new StringBuilder();
    for (int i = 0; i < labels; i++) {
      String comma = i == 0 ? "" : ", ";
      id2label.append(comma).append("\"%d\": \"LABEL_%d\"".formatted(i, i));
      label2id.append(comma).append("\"LABEL_%d\": %d".formatted(i, i));
    }
    return """
    {
      "activation": "gelu",
      "architectures": ["DistilBertForSequenceClassification"],
      "dim": %d,
      "hidden_dim": %d,
      "id2label": {%s},
      "label2id": {%s},
      "max_position_embeddings": %d,
      "model_type": "distilbert",
      "n_heads": %d,
      "n_layers": %d,
      "pad_token_id": 0,
      "sinusoidal_pos_embds": false,
      "tie_word_embeddings": true,
      "vocab_size": %d
    }
    """
        .formatted(hidden, feedForward, id2label, label2id, positions, heads, layers, vocabulary);
  }

  private String tokenizerConfig() {
    return """
    {
      "cls_token": "[CLS]",
      "do_lower_case": true,
      "mask_token": "[MASK]",
      "model_max_length": %d,
      "pad_token": "[PAD]",
      "sep_token": "[SEP]",
      "tokenizer_class": "DistilBertTokenizer",
      "unk_token": "[UNK]"
    }
    """
        .formatted(positions);
  }

  /// One entry a line, the specials where `bert-base-uncased` has them; all others are "w<id>",
  /// single words of a text.
  private String vocabularyLines() {
    StringBuilder lines = new StringBuilder();
    for (int id = 0; id < vocabulary; id++) {
      String entry =
          switch (id) {
            case 0 -> "[PAD]";
            case 100 -> "[UNK]";
            case 101 -> "[CLS]";
            case 102 -> "[SEP]";
            case 103 -> "[MASK]";
            default -> "w" + id;
          };
      lines.append(entry).append('\n');
    }
    return lines.toString();
  }
}
