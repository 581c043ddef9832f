package dev.coffey.model.encoder;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.Indices;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;

/// DistilBERT: Sanh, Debut, Chaumond, Wolf, "DistilBERT, a distilled version of BERT" (2019); in
/// Hugging Face `DistilBertModel`.
///
/// ```
/// x  = norm(words[id] + positions[position])
/// for each layer:
///   a = norm(x + Attention(x·Wq, x·Wk, x·Wv)·Wo)
///   x = norm(a + act(a·W1)·W2)
/// ```
///
/// Position embeddings are read from the checkpoint whether they were learned or sinusoidal:
/// Hugging Face stores both.
public final class DistilBert implements Encoder {
  /// The word embeddings' name, which a masked LM's head shares.
  public static final String WORD_EMBEDDINGS = "embeddings.word_embeddings.weight";

  private final Kernels kernels;
  private final int hidden;
  private final int feedForward;
  private final int heads;
  private final Activation activation;
  private final Tensor words;
  private final Tensor positions;
  private final Norm embeddingNorm;
  private final List<Layer> layers;

  /// The weights of one layer.
  private record Layer(
      Linear queryKeyValue,
      Linear out,
      Norm attentionNorm,
      Linear lin1,
      Linear lin2,
      Norm outputNorm) {}

  private DistilBert(Kernels kernels, ModelConfig config, ParameterReader parameters) {
    this.kernels = kernels;
    hidden = config.dim();
    feedForward = config.hiddenDim();
    heads = config.heads();
    activation = config.activation();
    float epsilon = config.layerNormEpsilon();
    words = parameters.table(WORD_EMBEDDINGS, config.vocabSize(), hidden);
    positions =
        parameters.table("embeddings.position_embeddings.weight", config.maxPositions(), hidden);
    embeddingNorm = parameters.layerNorm("embeddings.LayerNorm", hidden, epsilon);
    layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      String layer = "transformer.layer." + i;
      String attention = layer + ".attention";
      layers.add(
          new Layer(
              parameters.stackedLinear(
                  hidden, hidden, attention + ".q_lin", attention + ".k_lin", attention + ".v_lin"),
              parameters.linear(attention + ".out_lin", hidden, hidden),
              parameters.layerNorm(layer + ".sa_layer_norm", hidden, epsilon),
              parameters.linear(layer + ".ffn.lin1", feedForward, hidden),
              parameters.linear(layer + ".ffn.lin2", hidden, feedForward),
              parameters.layerNorm(layer + ".output_layer_norm", hidden, epsilon)));
    }
  }

  /// Reads the weights by the names of `DistilBertModel`, without the prefix that a model with a
  /// head puts before them.
  public static DistilBert read(Kernels kernels, ModelConfig config, ParameterReader parameters) {
    return new DistilBert(kernels, config, parameters);
  }

  @Override
  public int hiddenSize() {
    return hidden;
  }

  @Override
  public int maxPositions() {
    return positions.rows();
  }

  @Override
  public int vocabularySize() {
    return words.rows();
  }

  @Override
  public int tokenTypes() {
    return 1;
  }

  @Override
  public ForwardPass plan(TensorArena arena, int maxTokens) {
    return new Pass(
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, 3 * hidden),
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, hidden),
        arena.tensor(maxTokens, feedForward));
  }

  /// The activations: `states` (T,H) runs through the layers; `projected` (T,3H) holds queries,
  /// keys and values; `context` (T,H) what attention read; `attended` (T,H) the state between the
  /// two halves of a layer; `inner` (T,F) the feed-forward's.
  private final class Pass implements ForwardPass {
    private final Tensor states;
    private final Tensor projected;
    private final Tensor context;
    private final Tensor attended;
    private final Tensor inner;

    Pass(Tensor states, Tensor projected, Tensor context, Tensor attended, Tensor inner) {
      this.states = states;
      this.projected = projected;
      this.context = context;
      this.attended = attended;
      this.inner = inner;
    }

    @Override
    public Tensor run(RaggedBatch batch, LayerListener listener) {
      Tensor x = states.rows(0, batch.tokens());
      kernels.gather(words, batch.ids(), x);
      kernels.addPositionNorm(x, positions, batch.positions(), null, null, embeddingNorm, x);
      listener.layer("embeddings", x);
      for (int i = 0; i < layers.size(); i++) {
        boolean last = i == layers.size() - 1;
        x =
            last && !batch.allSelected()
                ? selectedRows(layers.get(i), x, batch)
                : allRows(layers.get(i), x, batch);
        listener.layer("hidden_states." + (i + 1), x);
      }
      if (layers.isEmpty() && !batch.allSelected()) {
        Tensor wanted = attended.rows(0, batch.selected());
        kernels.gather(x, batch.selectedRows(), wanted);
        return wanted;
      }
      return x;
    }

    /// One layer over every row, in place.
    private Tensor allRows(Layer layer, Tensor x, RaggedBatch batch) {
      Tensor qkv = projected.rows(0, x.rows());
      linear(x, layer.queryKeyValue, qkv);
      Tensor read = context.rows(0, x.rows());
      attention(qkv.columns(0, hidden), batch.offsets(), qkv, batch, read);
      return rest(layer, x, read, x);
    }

    /// One layer for the wanted rows alone: keys and values of every row, all else of these.
    private Tensor selectedRows(Layer layer, Tensor x, RaggedBatch batch) {
      int rows = batch.selected();
      Tensor qkv = projected.rows(0, x.rows());
      linear(x, layer.queryKeyValue.parts(1, 3), qkv.columns(hidden, 2 * hidden));
      Tensor wanted = attended.rows(0, rows);
      kernels.gather(x, batch.selectedRows(), wanted);
      Tensor query = qkv.columns(0, hidden).rows(0, rows);
      linear(wanted, layer.queryKeyValue.parts(0, 1), query);
      Tensor read = context.rows(0, rows);
      attention(query, batch.selectedOffsets(), qkv, batch, read);
      return rest(layer, wanted, read, states.rows(0, rows));
    }

    private void linear(Tensor x, Linear map, Tensor y) {
      kernels.linear(x, map.weights(), map.bias(), Activation.NONE, y);
    }

    private void attention(
        Tensor query, Indices queryOffsets, Tensor qkv, RaggedBatch batch, Tensor y) {
      kernels.attention(
          query,
          queryOffsets,
          qkv.columns(hidden, hidden),
          qkv.columns(2 * hidden, hidden),
          batch.offsets(),
          heads,
          y);
    }

    /// What follows attention: `y = norm(a + act(a·W1)·W2)` where `a = norm(x + read·Wo)`. `y` may
    /// be `x`.
    private Tensor rest(Layer layer, Tensor x, Tensor read, Tensor y) {
      Tensor a = attended.rows(0, x.rows());
      kernels.linearAddNorm(read, layer.out.weights(), layer.out.bias(), x, layer.attentionNorm, a);
      Tensor f = inner.rows(0, x.rows());
      kernels.linear(a, layer.lin1.weights(), layer.lin1.bias(), activation, f);
      kernels.linearAddNorm(f, layer.lin2.weights(), layer.lin2.bias(), a, layer.outputNorm, y);
      return y;
    }
  }
}
