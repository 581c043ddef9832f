package dev.coffey.server.grpc;

import dev.coffey.kernels.Pooling;
import dev.coffey.model.HeadKind;
import dev.coffey.model.Readout;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import dev.coffey.server.grpc.OutputTensor.Shape;
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

  /// The signature of a head.
  ///
  /// @param headOutputs numbers a row that the head gives
  /// @param sentence whether the folder says how a sentence's vector is made
  static ModelSignature of(
      HeadKind head,
      int hidden,
      int headOutputs,
      boolean sentence,
      List<Pooling> poolings,
      boolean normalize) {
    List<String> text = List.of(TEXT);
    return switch (head) {
      case NONE ->
          new ModelSignature(
              text,
              sentence
                  ? List.of(
                      new OutputTensor(
                          "sentence_embedding",
                          new Readout.Pooled(poolings, normalize),
                          Shape.TEXT,
                          0,
                          hidden * poolings.size(),
                          false,
                          poolings.contains(Pooling.CLS)),
                      new OutputTensor(
                          "token_embeddings",
                          new Readout.Hidden(),
                          Shape.TOKEN,
                          0,
                          hidden,
                          true,
                          false))
                  : List.of(
                      new OutputTensor(
                          "last_hidden_state",
                          new Readout.Hidden(),
                          Shape.TOKEN,
                          0,
                          hidden,
                          false,
                          false)));
      case SEQUENCE_CLASSIFICATION ->
          new ModelSignature(text, List.of(logits(Shape.TEXT, headOutputs, false, true)));
      case TOKEN_CLASSIFICATION ->
          new ModelSignature(text, List.of(logits(Shape.TOKEN, headOutputs, false, false)));
      case MASKED_LM ->
          new ModelSignature(text, List.of(logits(Shape.TOKEN, headOutputs, true, false)));
      case QUESTION_ANSWERING ->
          new ModelSignature(
              List.of(TEXT, TEXT_PAIR), List.of(span("start_logits", 0), span("end_logits", 1)));
    };
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
