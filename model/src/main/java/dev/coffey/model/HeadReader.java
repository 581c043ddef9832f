package dev.coffey.model;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.Tensor;
import dev.coffey.model.encoder.Embeddings;
import dev.coffey.model.encoder.Linear;
import dev.coffey.model.encoder.ParameterReader;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads a checkpoint's heads by the names that Hugging Face's classes of its family have.
///
/// @param head reads the heads' own parameters
/// @param encoder reads what is within the encoder: the pooler, the shared word embeddings
record HeadReader(ModelConfig config, ParameterReader head, ParameterReader encoder) {
  Heads read(HeadKind kind) {
    return switch (kind) {
      case NONE -> new Heads(null, null, hasPooler() ? pooler(summary()) : null);
      case SEQUENCE_CLASSIFICATION -> {
        List<Dense> summary = summary();
        Linear classifier = head.linear("classifier", config.labels().size(), config.dim());
        yield new Heads(classifier(summary, classifier), null, pooler(summary));
      }
      case TOKEN_CLASSIFICATION -> everyToken("classifier", config.labels().size());
      case QUESTION_ANSWERING -> everyToken("qa_outputs", 2);
      case MASKED_LM -> new Heads(TaskHead.ofEveryToken(predictions()), null, null);
      case NEXT_SENTENCE -> {
        List<Dense> summary = summary();
        yield new Heads(classifier(summary, sentencePair()), null, pooler(summary));
      }
      case PRETRAINING -> {
        List<Dense> summary = summary();
        yield new Heads(
            TaskHead.ofEveryToken(predictions()),
            classifier(summary, sentencePair()),
            pooler(summary));
      }
    };
  }

  private Heads everyToken(String name, int outputs) {
    Linear linear = head.linear(name, outputs, config.dim());
    return new Heads(TaskHead.ofEveryToken(List.of(Dense.of(linear, Activation.NONE))), null, null);
  }

  private static TaskHead classifier(List<Dense> summary, Linear classifier) {
    List<Dense> layers = new ArrayList<>(summary);
    layers.add(Dense.of(classifier, Activation.NONE));
    return TaskHead.ofFirstToken(layers);
  }

  /// Bare checkpoints may come without: sentence-transformers' ones often do.
  private boolean hasPooler() {
    return switch (config.family()) {
      case Family.DistilBert _ -> false;
      case Family.Bert() -> encoder.has("pooler.dense.weight");
      case Family.Albert _ -> encoder.has("pooler.weight");
      case Family.MobileBert family -> !family.poolerLayer() || encoder.has("pooler.dense.weight");
    };
  }

  private @Nullable TaskHead pooler(List<Dense> summary) {
    return switch (config.family()) {
      // Its first layer belongs to the classifier; DistilBertModel has no pooler.
      case Family.DistilBert _ -> null;
      case Family.Bert(), Family.Albert _, Family.MobileBert _ ->
          new TaskHead(false, summary, config.dim());
    };
  }

  private List<Dense> pooler(String name) {
    Linear linear = encoder.linear(name, config.dim(), config.dim());
    return List.of(Dense.of(linear, Activation.TANH));
  }

  /// What a family makes of the first token for its classifiers.
  private List<Dense> summary() {
    int hidden = config.dim();
    return switch (config.family()) {
      case Family.DistilBert _ ->
          List.of(Dense.of(head.linear("pre_classifier", hidden, hidden), Activation.RELU));
      case Family.Bert() -> pooler("pooler.dense");
      case Family.Albert _ -> pooler("pooler");
      case Family.MobileBert family -> family.poolerLayer() ? pooler("pooler.dense") : List.of();
    };
  }

  /// `BertOnlyNSPHead` and its like.
  private Linear sentencePair() {
    return switch (config.family()) {
      case Family.DistilBert _ -> throw new IllegalStateException("DistilBERT has no such head");
      case Family.Bert(), Family.MobileBert _ ->
          head.linear("cls.seq_relationship", 2, config.dim());
      case Family.Albert _ ->
          head.linear("sop_classifier.classifier", config.labels().size(), config.dim());
    };
  }

  /// A masked LM: `decoder(norm(act(transform(x))))`.
  private List<Dense> predictions() {
    int hidden = config.dim();
    return switch (config.family()) {
      case Family.DistilBert _ ->
          predictions(
              "vocab_transform",
              "vocab_layer_norm",
              decoder("vocab_projector.weight", hidden),
              "vocab_projector.bias");
      case Family.Bert() ->
          predictions(
              "cls.predictions.transform.dense",
              "cls.predictions.transform.LayerNorm",
              decoder("cls.predictions.decoder.weight", hidden),
              "cls.predictions.decoder.bias",
              "cls.predictions.bias");
      case Family.Albert family ->
          predictions(
              "predictions.dense",
              "predictions.LayerNorm",
              decoder("predictions.decoder.weight", family.embeddingSize()),
              "predictions.decoder.bias",
              "predictions.bias");
      case Family.MobileBert family ->
          predictions(
              "cls.predictions.transform.dense",
              "cls.predictions.transform.LayerNorm",
              widened(decoder("cls.predictions.decoder.weight", family.embeddingSize())),
              "cls.predictions.decoder.bias",
              "cls.predictions.bias");
    };
  }

  /// @param biases names of the decoder's bias: the first that is there. Hugging Face adds
  ///   `decoder.bias`, which nearly every file has only under its tied name
  private List<Dense> predictions(
      String transform, String norm, HostTensor decoder, String... biases) {
    int width = decoder.columns();
    Linear inner = head.linear(transform, width, config.dim());
    Norm layerNorm = head.layerNorm(norm, width, config.layerNormEpsilon());
    return List.of(
        new Dense(inner.weights(), inner.bias(), config.activation(), layerNorm),
        new Dense(head.arena().pack(decoder), bias(biases), Activation.NONE, null));
  }

  private Tensor bias(String... names) {
    for (String name : names) {
      if (head.has(name)) {
        return head.vector(name, config.vocabSize());
      }
    }
    return head.vector(names[names.length - 1], config.vocabSize());
  }

  /// The decoder's own weights where the file has them, as Hugging Face does even for a tied model
  /// (they are then the same numbers, or the config is wrong); else the word embeddings.
  private HostTensor decoder(String own, int width) {
    int vocabulary = config.vocabSize();
    return config.tiedWordEmbeddings() && !head.has(own)
        ? encoder.stored(Embeddings.WORDS, vocabulary, width)
        : head.stored(own, vocabulary, width);
  }

  /// MobileBERT's decoder: the (V, E) of the embeddings, and beside it the transpose of a (H−E, V)
  /// of its own.
  private HostTensor widened(HostTensor decoder) {
    int vocabulary = decoder.rows();
    int embedding = decoder.columns();
    int hidden = config.dim();
    HostTensor rest = head.stored("cls.predictions.dense.weight", hidden - embedding, vocabulary);
    float[] values = new float[Math.multiplyExact(vocabulary, hidden)];
    for (int v = 0; v < vocabulary; v++) {
      for (int c = 0; c < hidden; c++) {
        values[v * hidden + c] = c < embedding ? decoder.at(v, c) : rest.at(c - embedding, v);
      }
    }
    return HostTensor.of(values, vocabulary, hidden);
  }
}
