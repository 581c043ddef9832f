package dev.coffey.server.grpc;

import dev.coffey.proto.inference.ModelInferRequest;
import dev.coffey.proto.inference.ModelInferRequest.InferRequestedOutputTensor;
import dev.coffey.server.failure.InferenceException.InvalidArgument;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Reads a v2 request against the model that it names: which outputs, and one [Row] for each text.
/// Everything that a client can get wrong is told by field, value and limit.
final class InferRequestReader {
  /// What one text was sent as.
  sealed interface Row {
    /// Text that is still to be tokenized.
    record Text(String first, @Nullable String second) implements Row {}

    /// Token ids; those that the attention mask leaves out are gone, `positions` has where the
    /// others stood.
    @SuppressWarnings("ArrayRecordComponent") // boxed numbers would cost more than the request
    record Tokens(int[] ids, int[] types, int[] positions) implements Row {}
  }

  /// A request, read.
  ///
  /// @param rows one for each text, at least one
  /// @param width of the token inputs; 0 where texts were sent
  /// @param field the path of the input that has the rows
  record Content(List<Row> rows, int width, String field) {
    /// The tokens that it has at least, told without tokenizing.
    long leastTokens() {
      long tokens = 0;
      for (Row row : rows) {
        tokens += row instanceof Row.Tokens(int[] ids, _, _) ? ids.length : 1;
      }
      return tokens;
    }
  }

  /// What a model can take.
  ///
  /// @param vocabulary token ids are below this
  /// @param maxTokens of one text
  /// @param types segment ids are below this
  /// @param maxTexts of one request
  record Bounds(int vocabulary, int maxTokens, int types, int maxTexts) {}

  private final Bounds bounds;

  InferRequestReader(Bounds bounds) {
    this.bounds = bounds;
  }

  /// The outputs that the request wants of a model.
  static List<OutputTensor> outputs(ModelInferRequest request, ModelSignature signature) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < request.getOutputsCount(); i++) {
      InferRequestedOutputTensor output = request.getOutputs(i);
      InferParameters.ofTensor("outputs[" + i + "]", output.getParametersMap());
      names.add(output.getName());
    }
    return signature.requested(names);
  }

  /// The texts of a request.
  Content read(ModelInferRequest request, List<OutputTensor> outputs) {
    if (request.getInputsCount() == 0) {
      throw new InvalidArgument(
          "inputs",
          "no inputs; send 'text' (and 'text_pair'), or 'input_ids' (and 'attention_mask', 'token_type_ids')");
    }
    InputTensor text = null;
    InputTensor pair = null;
    InputTensor ids = null;
    InputTensor mask = null;
    InputTensor types = null;
    for (int i = 0; i < request.getInputsCount(); i++) {
      InferParameters.ofTensor("inputs[" + i + "]", request.getInputs(i).getParametersMap());
    }
    for (InputTensor tensor : InputTensor.all(request)) {
      switch (tensor.name()) {
        case ModelSignature.TEXT -> text = tensor;
        case ModelSignature.TEXT_PAIR -> pair = tensor;
        case ModelSignature.INPUT_IDS -> ids = tensor;
        case ModelSignature.ATTENTION_MASK -> mask = tensor;
        case ModelSignature.TOKEN_TYPE_IDS -> types = tensor;
        default ->
            throw new InvalidArgument(
                tensor.field() + ".name",
                "unknown input '%s'; known: text, text_pair, input_ids, attention_mask, token_type_ids"
                    .formatted(Excerpt.of(tensor.name())));
      }
    }
    if (ids == null) {
      for (InputTensor lost : Arrays.asList(mask, types)) {
        if (lost != null) {
          throw new InvalidArgument(
              lost.field() + ".name", "input '%s' needs input_ids".formatted(lost.name()));
        }
      }
    }
    if (ids != null) {
      for (InputTensor extra : Arrays.asList(text, pair)) {
        if (extra != null) {
          throw new InvalidArgument(
              extra.field() + ".name",
              "inputs '%s' and 'input_ids' both came: send text or token ids, not both"
                  .formatted(extra.name()));
        }
      }
      return tokens(ids, mask, types, outputs);
    }
    if (text == null) {
      throw new InvalidArgument(
          "inputs", "input 'text_pair' needs 'text': the first text of each pair");
    }
    return texts(text, pair);
  }

  private Content texts(InputTensor text, @Nullable InputTensor pair) {
    int count = textCount(text);
    if (pair != null && textCount(pair) != count) {
      throw new InvalidArgument(
          pair.field() + ".shape",
          "'text_pair' has %d texts and 'text' has %d: each text needs its pair"
              .formatted(textCount(pair), count));
    }
    List<String> firsts = text.texts();
    List<String> seconds = pair == null ? List.of() : pair.texts();
    List<Row> rows = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      rows.add(new Row.Text(firsts.get(i), pair == null ? null : seconds.get(i)));
    }
    return new Content(rows, 0, text.contentsField());
  }

  /// The n of a shape `[n]` or `[n, 1]`.
  private int textCount(InputTensor tensor) {
    List<Long> shape = tensor.shape();
    if (shape.size() != 1 && !(shape.size() == 2 && shape.get(1) == 1)) {
      throw new InvalidArgument(
          tensor.field() + ".shape",
          "input '%s' has shape %s; expected [n] or [n, 1]"
              .formatted(tensor.name(), Excerpt.of(shape.toString())));
    }
    return rowCount(tensor);
  }

  private int rowCount(InputTensor tensor) {
    long count = tensor.shape().get(0);
    if (count < 1 || count > bounds.maxTexts()) {
      throw new InvalidArgument(
          tensor.field() + ".shape",
          "input '%s' has %d texts; a request has 1 to %d"
              .formatted(tensor.name(), count, bounds.maxTexts()));
    }
    return (int) count;
  }

  private Content tokens(
      InputTensor ids,
      @Nullable InputTensor mask,
      @Nullable InputTensor types,
      List<OutputTensor> outputs) {
    if (ids.shape().size() != 2) {
      throw new InvalidArgument(
          ids.field() + ".shape",
          "input 'input_ids' has shape %s; expected [texts, tokens]"
              .formatted(Excerpt.of(ids.shape().toString())));
    }
    int count = rowCount(ids);
    long wide = ids.shape().get(1);
    if (wide < 1 || wide > bounds.maxTokens()) {
      throw new InvalidArgument(
          ids.field() + ".shape",
          "input 'input_ids' is %d tokens wide; this model reads 1 to %d"
              .formatted(wide, bounds.maxTokens()));
    }
    int width = (int) wide;
    for (InputTensor other : Arrays.asList(mask, types)) {
      if (other != null && !other.shape().equals(ids.shape())) {
        throw new InvalidArgument(
            other.field() + ".shape",
            "input '%s' has shape %s and 'input_ids' has %s: they must be equal"
                .formatted(
                    other.name(), Excerpt.of(other.shape().toString()), ids.shape().toString()));
      }
    }
    int[] allIds = ids.integers("token id", bounds.vocabulary());
    int[] allTypes =
        types == null ? null : types.integers("token type id", Math.max(1, bounds.types()));
    int[] kept = mask == null ? null : mask.integers("mask", 2);
    OutputTensor first =
        outputs.stream().filter(OutputTensor::readsFirstToken).findFirst().orElse(null);
    List<Row> rows = new ArrayList<>(count);
    for (int row = 0; row < count; row++) {
      int start = row * width;
      if (kept != null && mask != null) {
        check(mask, kept, row, start, width, first);
      }
      rows.add(row(allIds, allTypes, kept, start, width));
    }
    return new Content(rows, width, ids.contentsField());
  }

  private static void check(
      InputTensor mask, int[] kept, int row, int start, int width, @Nullable OutputTensor first) {
    int left = 0;
    for (int i = start; i < start + width; i++) {
      left += kept[i];
    }
    if (left == 0) {
      throw new InvalidArgument(
          mask.contentsField(),
          "input 'attention_mask': row %d leaves out all %d tokens".formatted(row, width));
    }
    if (first != null && kept[start] == 0) {
      throw new InvalidArgument(
          mask.contentsField(),
          "input 'attention_mask': row %d leaves out position 0, from which '%s' is computed"
              .formatted(row, first.name()));
    }
  }

  private static Row row(
      int[] ids, int @Nullable [] types, int @Nullable [] kept, int start, int width) {
    int count = width;
    if (kept != null) {
      count = 0;
      for (int i = start; i < start + width; i++) {
        count += kept[i];
      }
    }
    int[] rowIds = new int[count];
    int[] rowTypes = new int[count];
    int[] positions = new int[count];
    int next = 0;
    for (int i = 0; i < width; i++) {
      if (kept == null || kept[start + i] == 1) {
        rowIds[next] = ids[start + i];
        rowTypes[next] = types == null ? 0 : types[start + i];
        positions[next] = i;
        next++;
      }
    }
    return new Row.Tokens(rowIds, rowTypes, positions);
  }
}
