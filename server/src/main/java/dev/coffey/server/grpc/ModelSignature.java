package dev.coffey.server.grpc;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.Family;
import dev.coffey.model.Readout;
import dev.coffey.model.TextModel;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.OutputTensor.Shape;
import dev.coffey.server.registry.EmbeddingDefaults;
import dev.coffey.server.registry.ModelHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/// What a model takes and gives over v2: the tensor names of WIRE.md.
///
/// @param inputs the inputs that metadata lists; token ids are accepted as well
/// @param outputs all outputs, in the order in which they are sent
record ModelSignature(List<String> inputs, List<OutputTensor> outputs) {
  static final String TEXT = "text";
  static final String TEXT_PAIR = "text_pair";
  static final String INPUT_IDS = "input_ids";
  static final String ATTENTION_MASK = "attention_mask";
  static final String TOKEN_TYPE_IDS = "token_type_ids";

  /// The signature of a loaded model.
  static ModelSignature of(ModelHandle handle) {
    TextModel model = handle.model();
    int columns = model.headOutputs();
    List<String> text = List.of(TEXT);
    List<String> pair = List.of(TEXT, TEXT_PAIR);
    return switch (model.headKind()) {
      case NONE -> new ModelSignature(text, encoder(model, handle.embedding()));
      case SEQUENCE_CLASSIFICATION ->
          new ModelSignature(text, List.of(logits(Shape.TEXT, columns, false, true)));
      case TOKEN_CLASSIFICATION ->
          new ModelSignature(text, List.of(logits(Shape.TOKEN, columns, false, false)));
      case MASKED_LM ->
          new ModelSignature(text, List.of(logits(Shape.TOKEN, columns, true, false)));
      case QUESTION_ANSWERING ->
          new ModelSignature(pair, List.of(span("start_logits", 0), span("end_logits", 1)));
      case NEXT_SENTENCE ->
          new ModelSignature(pair, List.of(logits(Shape.TEXT, columns, false, true)));
      case PRETRAINING ->
          new ModelSignature(
              pair,
              List.of(
                  new OutputTensor(
                      "prediction_logits",
                      new Readout.Head(),
                      Shape.TOKEN,
                      0,
                      columns,
                      true,
                      false),
                  ofFirstToken(
                      sentencePair(model.config().family()),
                      new Readout.SentencePair(),
                      model.sentencePairOutputs())));
    };
  }

  private static List<OutputTensor> encoder(TextModel model, EmbeddingDefaults embedding) {
    if (embedding.sentence() && embedding.unsupported().isEmpty()) {
      Readout.Pooled pooled = embedding.pooled();
      return List.of(
          new OutputTensor(
              "sentence_embedding",
              pooled,
              Shape.TEXT,
              0,
              model.columns(pooled),
              false,
              embedding.poolings().contains(Pooling.CLS)),
          hidden(model, "token_embeddings", true));
    }
    OutputTensor states = hidden(model, "last_hidden_state", false);
    return model.hasPooler()
        ? List.of(states, ofFirstToken("pooler_output", new Readout.Pooler(), model.hiddenSize()))
        : List.of(states);
  }

  /// What Hugging Face calls the second output of a pretraining model.
  private static String sentencePair(Family family) {
    return switch (family) {
      case Family.Albert _ -> "sop_logits";
      case Family.DistilBert _, Family.Bert(), Family.MobileBert _ -> "seq_relationship_logits";
    };
  }

  private static OutputTensor hidden(TextModel model, String name, boolean onRequest) {
    return new OutputTensor(
        name, new Readout.Hidden(), Shape.TOKEN, 0, model.hiddenSize(), onRequest, false);
  }

  private static OutputTensor ofFirstToken(String name, Readout readout, int columns) {
    return new OutputTensor(name, readout, Shape.TEXT, 0, columns, false, true);
  }

  private static OutputTensor logits(
      Shape shape, int columns, boolean onRequest, boolean readsFirstToken) {
    return new OutputTensor(
        "logits", new Readout.Head(), shape, 0, columns, onRequest, readsFirstToken);
  }

  private static OutputTensor span(String name, int column) {
    return new OutputTensor(name, new Readout.Head(), Shape.TOKEN_SCALAR, column, 1, false, false);
  }

  /// The outputs that a request names, or all but the large ones where it names none.
  List<OutputTensor> requested(List<String> names) {
    if (names.isEmpty()) {
      List<OutputTensor> small = outputs.stream().filter(output -> !output.onRequest()).toList();
      if (small.isEmpty()) {
        throw new InvalidArgument(
            "outputs",
            "this model's output %s is large and sent on request only: name it in outputs"
                .formatted(names()));
      }
      return small;
    }
    List<OutputTensor> chosen = new ArrayList<>(outputs.size());
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i);
      String field = "outputs[" + i + "].name";
      OutputTensor output =
          outputs.stream()
              .filter(candidate -> candidate.name().equals(name))
              .findFirst()
              .orElseThrow(() ->
                  new InvalidArgument(
                      field,
                      "this model has no output '%s'; it has: %s"
                          .formatted(Excerpt.of(name), names())));
      if (chosen.contains(output)) {
        throw new InvalidArgument(field, "output '%s' is requested twice".formatted(name));
      }
      chosen.add(output);
    }
    return chosen;
  }

  private String names() {
    return outputs.stream().map(OutputTensor::name).collect(Collectors.joining(", "));
  }
}
