package dev.coffey.model.encoder;

import dev.coffey.kernels.Norm;

/// The weights of one layer of a [Transformer].
///
/// @param queryKeyValue Wq, Wk and Wv stacked
/// @param out Wo
/// @param inner W1
/// @param outer W2
record TransformerLayer(
    Linear queryKeyValue,
    Linear out,
    Norm attentionNorm,
    Linear inner,
    Linear outer,
    Norm outputNorm) {}
