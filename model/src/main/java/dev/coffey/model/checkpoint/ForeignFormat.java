package dev.coffey.model.checkpoint;

import dev.coffey.model.checkpoint.CheckpointException.Problem;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/// Files that people hand over in place of safetensors, by name and by their first bytes.
final class ForeignFormat {
  static final String CONVERT =
      "Coffey reads safetensors only (a pickle can run code when it is read). Convert once, where you trust the file:"
          + " python -c \"from transformers import AutoModel; m = AutoModel.from_pretrained('DIR');"
          + " m.save_pretrained('DIR')\", with the AutoModelFor… class of its task to keep the head";

  private record Magic(String begins, String what, String remedy) {}

  private static final List<Magic> MAGICS =
      List.of(
          new Magic("PK\u0003\u0004", "a zip file, as torch.save writes it (PyTorch)", CONVERT),
          new Magic("\u0080\u0002", "a Python pickle (PyTorch)", CONVERT),
          new Magic("\u0080\u0003", "a Python pickle (PyTorch)", CONVERT),
          new Magic("\u0080\u0004", "a Python pickle (PyTorch)", CONVERT),
          new Magic("\u0080\u0005", "a Python pickle (PyTorch)", CONVERT),
          new Magic("\u0089HDF", "an HDF5 file (TensorFlow)", CONVERT),
          new Magic("GGUF", "a GGUF file", "Coffey reads safetensors only"),
          new Magic(
              "version https://git-lfs",
              "a git-lfs pointer: the weights themselves were not downloaded",
              "run 'git lfs pull' in the model's folder"),
          new Magic(
              "<", "HTML or XML: an error page that was saved as a file?", "download it again"));

  /// The weights of other frameworks as Hugging Face names them, in the order in which they are
  /// worth telling about.
  private static final List<String> WEIGHT_FILES =
      List.of(
          "pytorch_model.bin",
          "pytorch_model.bin.index.json",
          "model.bin",
          "model.pt",
          "model.pth",
          "tf_model.h5",
          "flax_model.msgpack",
          "rust_model.ot",
          "model.onnx",
          "onnx");

  private ForeignFormat() {}

  /// Throws if the first bytes are those of a known format that is not ours.
  static void refuse(Path file, MemorySegment bytes) {
    if (bytes.byteSize() == 0) {
      throw new CheckpointException(
          Problem.TRUNCATED, file, "is empty, expected a safetensors file");
    }
    byte[] start = bytes.asSlice(0, Math.min(32, bytes.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String text = new String(start, StandardCharsets.ISO_8859_1);
    for (Magic magic : MAGICS) {
      if (text.startsWith(magic.begins())) {
        throw new CheckpointException(
            Problem.WRONG_FORMAT, file, "is " + magic.what() + "; " + magic.remedy());
      }
    }
  }

  /// The first file in `folder` that holds weights of another framework.
  static Optional<String> weightsIn(Path folder) {
    return WEIGHT_FILES.stream().filter(name -> Files.exists(folder.resolve(name))).findFirst();
  }
}
