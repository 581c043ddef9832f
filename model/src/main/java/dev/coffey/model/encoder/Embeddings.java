package dev.coffey.model.encoder;

import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Tensor;
import dev.coffey.model.ModelConfig;
import org.jspecify.annotations.Nullable;

/// The tables that a text's tokens are looked up in, and the norm of their sum. Position embeddings
/// are read from the checkpoint whether they were learned or computed: Hugging Face stores both.
///
/// @param words (V, E)
/// @param positions (P, W), where W = E but for MobileBERT
/// @param types (S, W), null where the family tells no segments apart
/// @param norm of width W
public record Embeddings(Tensor words, Tensor positions, @Nullable Tensor types, Norm norm) {
  /// The word embeddings' name in every family; a masked LM's head shares them.
  public static final String WORDS = "embeddings.word_embeddings.weight";

  /// Reads tables of `width` columns and a layer norm.
  static Embeddings read(ParameterReader parameters, ModelConfig config, int width) {
    return read(
        parameters,
        config,
        width,
        width,
        parameters.layerNorm("embeddings.LayerNorm", width, config.layerNormEpsilon()));
  }

  static Embeddings read(
      ParameterReader parameters, ModelConfig config, int wordWidth, int width, Norm norm) {
    return new Embeddings(
        parameters.table(WORDS, config.vocabSize(), wordWidth),
        parameters.table("embeddings.position_embeddings.weight", config.maxPositions(), width),
        config.tokenTypes() == 0
            ? null
            : parameters.table(
                "embeddings.token_type_embeddings.weight", config.tokenTypes(), width),
        norm);
  }

  /// `x = norm(x + positions[position] (+ types[type]))`, in place. x: (T,W)
  void locate(Kernels kernels, RaggedBatch batch, Tensor x) {
    kernels.addPositionNorm(
        x, positions, batch.positions(), types, types == null ? null : batch.types(), norm, x);
  }
}
