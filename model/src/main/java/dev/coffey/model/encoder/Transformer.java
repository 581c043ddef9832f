package dev.coffey.model.encoder;

import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.ModelConfig;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// The forward pass that DistilBERT, BERT and ALBERT share: the encoder of Vaswani and others,
/// "Attention is all you need" (2017), with the norms after the residuals.
///
/// ```
/// x  = norm(words[id] + positions[position] (+ types[type])) (·M + m)
/// for each layer:
///   a = norm(x + Attention(x·Wq, x·Wk, x·Wv)·Wo)
///   x = norm(a + act(a·W1)·W2)
/// ```
///
/// M is ALBERT's: from the embeddings' width to that of the layers.
final class Transformer implements Encoder {
  private final Kernels kernels;
  private final ModelConfig config;
  private final Embeddings embeddings;
  private final @Nullable Linear mapping;
  private final List<List<TransformerLayer>> layers;

  /// @param mapping M and m, null for none
  /// @param layers what the config counts as layers, each of one or more layers in order; one may
  ///   stand at several places
  Transformer(
      Kernels kernels,
      ModelConfig config,
      Embeddings embeddings,
      @Nullable Linear mapping,
      List<List<TransformerLayer>> layers) {
    this.kernels = kernels;
    this.config = config;
    this.embeddings = embeddings;
    this.mapping = mapping;
    this.layers = List.copyOf(layers);
  }

  @Override
  public ForwardPass plan(TensorArena arena, int maxTokens) {
    int hidden = config.dim();
    return new Pass(
        arena.tensor(maxTokens, mapping == null ? 0 : mapping.weights().inputs()),
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, 3 * hidden),
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, config.hiddenDim()));
  }

  /// The activations: `embedded` (T,E) what is mapped to `states` (T,H), which runs through the
  /// layers; `projected` (T,3H) holds queries, keys and values; `context` (T,H) what attention
  /// read; `attended` (T,H) the state between the two halves of a layer; `inner` (T,F) the
  /// feed-forward's.
  private final class Pass implements ForwardPass {
    private final int hidden = config.dim();
    private final Tensor embedded;
    private final Tensor states;
    private final Tensor projected;
    private final Tensor context;
    private final Tensor attended;
    private final Tensor inner;

    Pass(
        Tensor embedded,
        Tensor states,
        Tensor projected,
        Tensor context,
        Tensor attended,
        Tensor inner) {
      this.embedded = embedded;
      this.states = states;
      this.projected = projected;
      this.context = context;
      this.attended = attended;
      this.inner = inner;
    }

    @Override
    public Tensor run(RaggedBatch batch, LayerListener listener) {
      Tensor x = embed(batch, listener);
      for (int i = 0; i < layers.size(); i++) {
        List<TransformerLayer> parts = layers.get(i);
        for (int p = 0; p < parts.size(); p++) {
          boolean last = i == layers.size() - 1 && p == parts.size() - 1;
          x =
              last && !batch.allSelected()
                  ? selectedRows(parts.get(p), x, batch)
                  : allRows(parts.get(p), x, batch);
        }
        listener.layer("hidden_states." + (i + 1), x);
      }
      if (layers.isEmpty() && !batch.allSelected()) {
        Tensor wanted = attended.rows(0, batch.selected());
        kernels.gather(x, batch.selectedRows(), wanted);
        return wanted;
      }
      return x;
    }

    private Tensor embed(RaggedBatch batch, LayerListener listener) {
      Tensor x = states.rows(0, batch.tokens());
      Tensor e = mapping == null ? x : embedded.rows(0, batch.tokens());
      kernels.gather(embeddings.words(), batch.ids(), e);
      embeddings.locate(kernels, batch, e);
      listener.layer("embeddings", e);
      if (mapping != null) {
        mapping.run(kernels, e, x);
        listener.layer("hidden_states.0", x);
      }
      return x;
    }

    /// One layer over every row, in place.
    private Tensor allRows(TransformerLayer layer, Tensor x, RaggedBatch batch) {
      Tensor qkv = projected.rows(0, x.rows());
      layer.queryKeyValue().run(kernels, x, qkv);
      Tensor read = context.rows(0, x.rows());
      attention(qkv.columns(0, hidden), batch.offsets(), qkv, batch, read);
      return rest(layer, x, read, x);
    }

    /// One layer for the wanted rows alone: keys and values of every row, all else of these.
    private Tensor selectedRows(TransformerLayer layer, Tensor x, RaggedBatch batch) {
      int rows = batch.selected();
      Tensor qkv = projected.rows(0, x.rows());
      layer.queryKeyValue().parts(1, 3).run(kernels, x, qkv.columns(hidden, 2 * hidden));
      Tensor wanted = attended.rows(0, rows);
      kernels.gather(x, batch.selectedRows(), wanted);
      Tensor query = qkv.columns(0, hidden).rows(0, rows);
      layer.queryKeyValue().parts(0, 1).run(kernels, wanted, query);
      Tensor read = context.rows(0, rows);
      attention(query, batch.selectedOffsets(), qkv, batch, read);
      return rest(layer, wanted, read, states.rows(0, rows));
    }

    private void attention(
        Tensor query, Indices queryOffsets, Tensor qkv, RaggedBatch batch, Tensor y) {
      kernels.attention(
          query,
          queryOffsets,
          qkv.columns(hidden, hidden),
          qkv.columns(2 * hidden, hidden),
          batch.offsets(),
          config.heads(),
          y);
    }

    /// What follows attention: `y = norm(a + act(a·W1)·W2)` where `a = norm(x + read·Wo)`. `y` may
    /// be `x`.
    private Tensor rest(TransformerLayer layer, Tensor x, Tensor read, Tensor y) {
      Tensor a = attended.rows(0, x.rows());
      layer.out().runAddNorm(kernels, read, x, layer.attentionNorm(), a);
      Tensor f = inner.rows(0, x.rows());
      layer.inner().run(kernels, a, config.activation(), f);
      layer.outer().runAddNorm(kernels, f, a, layer.outputNorm(), y);
      return y;
    }
  }
}
