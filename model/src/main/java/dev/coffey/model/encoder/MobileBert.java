package dev.coffey.model.encoder;

import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Tensor;
import dev.coffey.kernels.TensorArena;
import dev.coffey.model.Family;
import dev.coffey.model.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// MobileBERT: Sun, Yu, Song, Liu, Yang, Zhou, "MobileBERT: a compact task-agnostic BERT for
/// resource-limited devices" (2020); in Hugging Face `MobileBertModel`.
///
/// ```
/// e = words[id];  x = norm([e before, e, e after]·M + m + positions[position] + types[type])
/// for each layer:
///   b = norm(x·Wb)                                  into the bottleneck
///   s = norm(x·Ws)                                  what queries and keys share
///   a = norm(b + Attention(s·Wq, s·Wk, x·Wv)·Wo)
///   a = norm(a + act(a·W1)·W2)                      for each stacked feed-forward network
///   x = norm(x + a·Wu)                              out of the bottleneck
/// ```
///
/// `norm` is `w·x + b` or a layer norm. A config may leave out the neighbours or the bottleneck,
/// and say otherwise what attention reads.
final class MobileBert implements Encoder {
  private final Kernels kernels;
  private final ModelConfig config;
  private final Family.MobileBert family;
  private final Embeddings embeddings;
  private final @Nullable Linear transformation;
  private final List<Layer> layers;

  /// A linear map and the norm of its sum with a residual.
  record NormedLinear(Linear linear, Norm norm) {}

  /// One feed-forward network: W1, W2 and its norm.
  record FeedForward(Linear inner, NormedLinear outer) {}

  /// The weights of one layer.
  ///
  /// @param narrowing Wb, null where there is no bottleneck
  /// @param shared Ws, null where queries and keys are of something else
  /// @param queryKey Wq and Wk stacked
  /// @param widening Wu, null where there is no bottleneck
  record Layer(
      @Nullable NormedLinear narrowing,
      @Nullable NormedLinear shared,
      Linear queryKey,
      Linear value,
      NormedLinear out,
      List<FeedForward> feedForwards,
      @Nullable NormedLinear widening) {}

  /// @param transformation M and m, null for none
  MobileBert(
      Kernels kernels,
      ModelConfig config,
      Family.MobileBert family,
      Embeddings embeddings,
      @Nullable Linear transformation,
      List<Layer> layers) {
    this.kernels = kernels;
    this.config = config;
    this.family = family;
    this.embeddings = embeddings;
    this.transformation = transformation;
    this.layers = List.copyOf(layers);
  }

  @Override
  public ForwardPass plan(TensorArena arena, int maxTokens) {
    return new Pass(arena, maxTokens);
  }

  /// The activations, for T tokens, H the model's width and B a layer's: `words` (T,E) and
  /// `trigrams` (T,3E) become `states` (T,H), which runs through the layers. In a layer `read`
  /// (T,B) is what keys are made of, `projected` (T,3B) holds queries, keys and values, `context`
  /// (T,B) what attention gives; `attended` (T,B) runs through the feed-forward networks, whose
  /// inner rows are `inner` (T,F). `narrow` (T,B) is the bottleneck's input where that is not
  /// `read`. `wanted` (T,H) and `wantedRead` (T,B) are the selected rows of the last layer.
  private final class Pass implements ForwardPass {
    private final int width = family.layerWidth();
    private final Tensor words;
    private final Tensor trigrams;
    private final Tensor states;
    private final Tensor read;
    private final Tensor projected;
    private final Tensor context;
    private final Tensor narrow;
    private final Tensor attended;
    private final Tensor inner;
    private final Tensor wanted;
    private final Tensor wantedRead;

    Pass(TensorArena arena, int tokens) {
      int embedding = family.embeddingSize();
      words = arena.tensor(tokens, transformation == null ? 0 : embedding);
      trigrams = arena.tensor(tokens, family.trigrams() ? 3 * embedding : 0);
      states = arena.tensor(tokens, config.dim());
      read = arena.tensor(tokens, width);
      projected = arena.tensor(tokens, 3 * width);
      context = arena.tensor(tokens, width);
      narrow = arena.tensor(tokens, width);
      attended = arena.tensor(tokens, width);
      inner = arena.tensor(tokens, config.hiddenDim());
      wanted = arena.tensor(tokens, config.dim());
      wantedRead = arena.tensor(tokens, width);
    }

    @Override
    public Tensor run(RaggedBatch batch, LayerListener listener) {
      Tensor x = embed(batch);
      listener.layer("embeddings", x);
      for (int i = 0; i < layers.size(); i++) {
        boolean last = i == layers.size() - 1;
        x = run(layers.get(i), x, batch, last && !batch.allSelected());
        listener.layer("hidden_states." + (i + 1), x);
      }
      return layers.isEmpty() && !batch.allSelected() ? select(x, batch, wanted) : x;
    }

    private Tensor embed(RaggedBatch batch) {
      Tensor x = states.rows(0, batch.tokens());
      Tensor e = transformation == null ? x : words.rows(0, batch.tokens());
      kernels.gather(embeddings.words(), batch.ids(), e);
      if (family.trigrams()) {
        Tensor around = trigrams.rows(0, batch.tokens());
        kernels.neighbours(e, batch.positions(), batch.offsets(), around);
        e = around;
      }
      if (transformation != null) {
        transformation.run(kernels, e, x);
      }
      embeddings.locate(kernels, batch, x);
      return x;
    }

    /// One layer over every row of `x`, or with `few` for the selected rows alone: keys and values
    /// of every row, all else of these. May overwrite `x`.
    private Tensor run(Layer layer, Tensor x, RaggedBatch batch, boolean few) {
      Tensor keyed =
          switch (family.attention()) {
            case STATES -> x;
            case BOTTLENECK -> normed(layer.narrowing, x, read);
            case SHARED -> normed(layer.shared, x, read);
          };
      Tensor valued = family.attention() == Family.MobileBert.Attention.BOTTLENECK ? keyed : x;
      Tensor rows = few ? select(x, batch, wanted) : x;
      Tensor queried = few ? select(keyed, batch, wantedRead) : keyed;
      attend(layer, queried, keyed, valued, batch, few);
      Tensor b =
          family.attention() == Family.MobileBert.Attention.BOTTLENECK
              ? queried
              : normed(layer.narrowing, rows, narrow);
      return rest(layer, rows, b);
    }

    /// Writes to `context` what the rows of `queried` find among all others.
    private void attend(
        Layer layer, Tensor queried, Tensor keyed, Tensor valued, RaggedBatch batch, boolean few) {
      Tensor all = projected.rows(0, keyed.rows());
      Tensor query = all.columns(0, width).rows(0, queried.rows());
      Tensor key = all.columns(width, width);
      Tensor value = all.columns(2 * width, width);
      if (few) {
        layer.queryKey.parts(0, 1).run(kernels, queried, query);
        layer.queryKey.parts(1, 2).run(kernels, keyed, key);
      } else {
        layer.queryKey.run(kernels, keyed, all.columns(0, 2 * width));
      }
      layer.value.run(kernels, valued, value);
      kernels.attention(
          query,
          few ? batch.selectedOffsets() : batch.offsets(),
          key,
          value,
          batch.offsets(),
          config.heads(),
          context.rows(0, queried.rows()));
    }

    /// What follows attention, for the rows `x` and what the bottleneck makes of them, `b`.
    private Tensor rest(Layer layer, Tensor x, Tensor b) {
      Tensor a = attended.rows(0, x.rows());
      addNorm(layer.out, context.rows(0, x.rows()), b, a);
      Tensor f = inner.rows(0, x.rows());
      for (FeedForward network : layer.feedForwards) {
        network.inner.run(kernels, a, config.activation(), f);
        addNorm(network.outer, f, a, a);
      }
      if (layer.widening == null) {
        return a;
      }
      Tensor y = states.rows(0, x.rows());
      addNorm(layer.widening, a, x, y);
      return y;
    }

    /// `norm(x·Wᵀ + b)`, or `x` without a map.
    private Tensor normed(@Nullable NormedLinear map, Tensor x, Tensor memory) {
      if (map == null) {
        return x;
      }
      Tensor y = memory.rows(0, x.rows());
      addNorm(map, x, null, y);
      return y;
    }

    private void addNorm(NormedLinear map, Tensor x, @Nullable Tensor residual, Tensor y) {
      map.linear.runAddNorm(kernels, x, residual, map.norm, y);
    }

    private Tensor select(Tensor x, RaggedBatch batch, Tensor memory) {
      Tensor y = memory.rows(0, batch.selected());
      kernels.gather(x, batch.selectedRows(), y);
      return y;
    }
  }

  /// Reads the weights by the names of `MobileBertModel`.
  static Encoder read(
      Kernels kernels, ModelConfig config, Family.MobileBert family, ParameterReader parameters) {
    Reader reader = new Reader(config, family, parameters);
    List<Layer> layers = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      layers.add(reader.layer("encoder.layer." + i));
    }
    return new MobileBert(
        kernels,
        config,
        family,
        Embeddings.read(
            parameters,
            config,
            family.embeddingSize(),
            config.dim(),
            reader.norm("embeddings.LayerNorm", config.dim(), Reader.TORCH_EPSILON)),
        reader.transformation(),
        layers);
  }

  private record Reader(ModelConfig config, Family.MobileBert family, ParameterReader parameters) {
    /// What `nn.LayerNorm` has where Hugging Face's code does not hand it the config's.
    static final float TORCH_EPSILON = 1e-5f;

    @Nullable Linear transformation() {
      String name = "embeddings.embedding_transformation";
      int embedding = family.embeddingSize();
      if (!family.trigrams()) {
        return embedding == config.dim() ? null : parameters.linear(name, config.dim(), embedding);
      }
      HostTensor stored = parameters.stored(name + ".weight", config.dim(), 3 * embedding);
      return new Linear(
          parameters.arena().pack(reversed(stored, embedding)),
          parameters.vector(name + ".bias", config.dim()));
    }

    /// Hugging Face joins [after, e, before], the kernels [before, e, after].
    private static HostTensor reversed(HostTensor stored, int embedding) {
      float[] values = new float[stored.rows() * stored.columns()];
      for (int row = 0; row < stored.rows(); row++) {
        for (int column = 0; column < stored.columns(); column++) {
          int block = 2 - column / embedding;
          values[row * stored.columns() + column] =
              stored.at(row, block * embedding + column % embedding);
        }
      }
      return HostTensor.of(values, stored.rows(), stored.columns());
    }

    Layer layer(String name) {
      int hidden = config.dim();
      int width = family.layerWidth();
      float epsilon = config.layerNormEpsilon();
      boolean bottleneck = family.bottleneck();
      String self = name + ".attention.self";
      List<FeedForward> feedForwards = new ArrayList<>();
      for (int i = 0; i < family.feedForwards() - 1; i++) {
        feedForwards.add(feedForward(name + ".ffn." + i, epsilon));
      }
      feedForwards.add(feedForward(name, TORCH_EPSILON));
      return new Layer(
          bottleneck ? normed(name + ".bottleneck.input", width, hidden) : null,
          family.attention() == Family.MobileBert.Attention.SHARED
              ? normed(name + ".bottleneck.attention", width, hidden)
              : null,
          parameters.stackedLinear(width, width, self + ".query", self + ".key"),
          parameters.linear(
              self + ".value",
              width,
              family.attention() == Family.MobileBert.Attention.BOTTLENECK ? width : hidden),
          normed(name + ".attention.output", width, width),
          feedForwards,
          bottleneck ? normed(name + ".output.bottleneck", hidden, width) : null);
    }

    private FeedForward feedForward(String name, float epsilon) {
      int width = family.layerWidth();
      return new FeedForward(
          parameters.linear(name + ".intermediate.dense", config.hiddenDim(), width),
          new NormedLinear(
              parameters.linear(name + ".output.dense", width, config.hiddenDim()),
              norm(name + ".output.LayerNorm", width, epsilon)));
    }

    private NormedLinear normed(String name, int outputs, int inputs) {
      return new NormedLinear(
          parameters.linear(name + ".dense", outputs, inputs),
          norm(name + ".LayerNorm", outputs, config.layerNormEpsilon()));
    }

    Norm norm(String name, int columns, float epsilon) {
      return parameters.norm(
          family.layerNorms() ? Norm.Kind.LAYER : Norm.Kind.AFFINE, name, columns, epsilon);
    }
  }
}
