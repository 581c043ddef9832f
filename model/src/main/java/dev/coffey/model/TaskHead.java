package dev.coffey.model;

import dev.coffey.kernels.Activation;
import dev.coffey.kernels.HostTensor;
import dev.coffey.kernels.Kernels;
import dev.coffey.kernels.Norm;
import dev.coffey.kernels.PackedWeights;
import dev.coffey.kernels.Tensor;
import dev.coffey.model.encoder.DistilBert;
import dev.coffey.model.encoder.Linear;
import dev.coffey.model.encoder.ParameterReader;

/// What a checkpoint has on top of its encoder: hidden states in, logits out, row by row.
interface TaskHead {
  /// Numbers a row: labels, 2 for question answering (start, end), the vocabulary for a masked LM.
  int outputs();

  /// Whether it reads every token of a text, or its first only.
  boolean perToken();

  /// How wide the rows are that it needs besides the logits.
  int scratchColumns();

  /// `logits[n,·] = head(hidden[n,·])` hidden: (N,H) scratch: (N, scratchColumns), overwritten
  /// logits: (N,outputs)
  void run(Tensor hidden, Tensor scratch, Tensor logits);

  /// `classifier(relu(pre_classifier(x)))` of the first token:
  /// `DistilBertForSequenceClassification`.
  record SequenceClassification(Kernels kernels, Linear preClassifier, Linear classifier)
      implements TaskHead {
    static SequenceClassification read(
        Kernels kernels, ParameterReader parameters, int hidden, int labels) {
      return new SequenceClassification(
          kernels,
          parameters.linear("pre_classifier", hidden, hidden),
          parameters.linear("classifier", labels, hidden));
    }

    @Override
    public int outputs() {
      return classifier.weights().outputs();
    }

    @Override
    public boolean perToken() {
      return false;
    }

    @Override
    public int scratchColumns() {
      return preClassifier.weights().outputs();
    }

    @Override
    public void run(Tensor hidden, Tensor scratch, Tensor logits) {
      kernels.linear(
          hidden, preClassifier.weights(), preClassifier.bias(), Activation.RELU, scratch);
      kernels.linear(scratch, classifier.weights(), classifier.bias(), Activation.NONE, logits);
    }
  }

  /// One linear map of every token: `DistilBertForTokenClassification` (`classifier`) and
  /// `DistilBertForQuestionAnswering` (`qa_outputs`: column 0 scores starts, column 1 ends).
  record TokenProjection(Kernels kernels, Linear projection) implements TaskHead {
    static TokenProjection read(
        Kernels kernels, ParameterReader parameters, String name, int hidden, int outputs) {
      return new TokenProjection(kernels, parameters.linear(name, outputs, hidden));
    }

    @Override
    public int outputs() {
      return projection.weights().outputs();
    }

    @Override
    public boolean perToken() {
      return true;
    }

    @Override
    public int scratchColumns() {
      return 0;
    }

    @Override
    public void run(Tensor hidden, Tensor scratch, Tensor logits) {
      kernels.linear(hidden, projection.weights(), projection.bias(), Activation.NONE, logits);
    }
  }

  /// `projector(norm(act(transform(x))))` of every token: `DistilBertForMaskedLM`. The projector's
  /// weights are the word embeddings where the config ties them and the file has none of its own.
  record MaskedLanguageModel(
      Kernels kernels,
      Linear transform,
      Activation activation,
      Norm norm,
      PackedWeights projector,
      Tensor projectorBias)
      implements TaskHead {
    /// `head` reads the head's own parameters, `encoder` the shared word embeddings.
    static MaskedLanguageModel read(
        Kernels kernels, ModelConfig config, ParameterReader head, ParameterReader encoder) {
      String own = "vocab_projector.weight";
      int hidden = config.dim();
      int vocabulary = config.vocabSize();
      HostTensor projector =
          config.tiedWordEmbeddings() && !head.has(own)
              ? encoder.stored(DistilBert.WORD_EMBEDDINGS, vocabulary, hidden)
              : head.stored(own, vocabulary, hidden);
      return new MaskedLanguageModel(
          kernels,
          head.linear("vocab_transform", hidden, hidden),
          config.activation(),
          head.layerNorm("vocab_layer_norm", hidden, config.layerNormEpsilon()),
          head.arena().pack(projector),
          head.vector("vocab_projector.bias", vocabulary));
    }

    @Override
    public int outputs() {
      return projector.outputs();
    }

    @Override
    public boolean perToken() {
      return true;
    }

    @Override
    public int scratchColumns() {
      return transform.weights().outputs();
    }

    @Override
    public void run(Tensor hidden, Tensor scratch, Tensor logits) {
      kernels.linear(hidden, transform.weights(), transform.bias(), activation, scratch);
      kernels.norm(scratch, norm, scratch);
      kernels.linear(scratch, projector, projectorBias, Activation.NONE, logits);
    }
  }
}
